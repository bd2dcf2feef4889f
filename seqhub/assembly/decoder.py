"""The decoder of a plan: what its blocks may be, and what goes with it. No torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqhub.api import Config
from seqhub.recipe.types import DecoderSection, Keys, ModelSection, Part

if TYPE_CHECKING:
    from seqhub.assembly.nodes import Node

_Problem = tuple[str, str, str, Keys]  # code, message, fix, path in the recipe
PATH: Keys = ("model", "decoder")


def with_memory(options: Config, width: int) -> Config:
    """The options of a block that reads an encoder's outputs, `memory_width: 0` filled in with their width."""
    if getattr(options, "reads_memory", False) and getattr(options, "memory_width", None) == 0:
        return dataclasses.replace(options, memory_width=width)  # type: ignore[call-arg]  # the field was just looked at
    return options


def shape_problems(
    model: ModelSection, decoder: DecoderSection, leaves: Sequence[Node], memory: int
) -> Iterator[_Problem]:
    """What is wrong with a decoder whose blocks, its leaves, are sound by themselves. memory: the encoder's width."""
    reading = [node for node in leaves if getattr(node.block.options, "reads_memory", False)]
    if not reading and decoder.bridge == "none":
        fix = "add a block that attends, such as {type: bahdanau, hidden: 64}, or set bridge: linear"
        yield "E214", "the decoder never sees what the encoder read", fix, PATH
    for node in reading:
        asked = getattr(node.block.options, "memory_width", memory)
        if asked != memory:
            what = f"{node.block.type}: memory_width is {asked}, but the encoder gives width {memory}"
            yield "E214", what, f"leave it out, or write {memory}", (*node.block.path, "memory_width")
    for node in leaves:
        if node.geometry.ratio != 1 or node.geometry.block != 1:
            what = f"a decoder writes one token a step, but block '{node.block.name}' ({node.block.type}) joins steps"
            yield "E214", what, "use blocks without stride", node.block.path
    if decoder.tied == "all" and model.width != decoder.width:
        what = f"tied: all shares one embedding, but model.width is {model.width} and the decoder's {decoder.width}"
        yield "E214", what, "make the widths equal, or set tied: output", (*PATH, "tied")


def needs_decoder(task: Part | None) -> bool:
    """Whether the task writes a sequence."""
    return task is not None and bool(getattr(task.options, "needs_decoder", False))


def task_problems(decoder: DecoderSection | None, task: Part) -> Iterator[_Problem]:
    """Whether task and decoder go together. A task's config says `needs_decoder`, and may ask `decoder_problems`."""
    name, needs = task.component.spec.name, needs_decoder(task)
    if needs and decoder is None:
        fix = "add model.decoder: {width: 64, blocks: [{type: bahdanau, hidden: 64}]}"
        yield "E209", f"{name} writes a sequence, and the model has no decoder", fix, ("model",)
    if decoder is not None and not needs:
        fix = "remove it, or choose a task that writes sequences, such as translate"
        yield "E209", f"{name} writes no sequence, so there is nothing for a decoder", fix, PATH
    asks = getattr(task.options, "decoder_problems", None)
    if decoder is not None and asks is not None:
        for field, message, fix in asks(decoder.tied):
            yield "E209", message, fix, (*PATH, field)
