"""The convolutional encoders of this distribution, as specs: no torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import BlockSpec, EncoderSpec, hookimpl
from seqhub_conv import specs_audio, specs_rate, specs_window


@hookimpl
def seqhub_register_encoders() -> Iterator[EncoderSpec]:
    yield from specs_window.specs()
    yield from specs_rate.specs()
    yield from specs_audio.specs()


@hookimpl
def seqhub_register_blocks() -> Iterator[BlockSpec]:
    yield from specs_rate.blocks()
    yield from specs_audio.blocks()
