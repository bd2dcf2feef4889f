"""Specs of the memory cells: no torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import CellSpec


def specs() -> Iterator[CellSpec]:
    """Every memory cell of this distribution."""
    yield from ()
