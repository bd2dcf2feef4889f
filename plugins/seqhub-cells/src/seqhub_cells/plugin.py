"""The cells of this distribution, as specs: no torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import CellSpec, hookimpl
from seqhub_cells import specs_classic, specs_linear, specs_memory, specs_step


@hookimpl
def seqhub_register_cells() -> Iterator[CellSpec]:
    yield from specs_classic.specs()
    yield from specs_step.specs()
    yield from specs_linear.specs()
    yield from specs_memory.specs()
