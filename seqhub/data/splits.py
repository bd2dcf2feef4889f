"""Which rows or items are for training, for choosing, and for the final number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "valid", "test")
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Rows first to stop - 1 of a series."""

    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


def chronological(rows: int, valid: float, test: float) -> dict[str, Span]:
    """The earliest rows train, the latest test. Shares are rounded to whole rows; train takes the rest."""
    n_valid, n_test = round(rows * valid), round(rows * test)
    first_test = rows - n_test
    first_valid = first_test - n_valid
    return {
        "train": Span(0, first_valid),
        "valid": Span(first_valid, first_test),
        "test": Span(first_test, rows),
    }


def stratified(labels: Sequence[int] | Indices, valid: float, test: float, seed: int) -> dict[str, Indices]:
    """Items drawn at random with the same shares of every label; each split sorted, all disjoint.

    A label with three items or more is in every split whose share is above zero; rarer ones fill train first.
    """
    labels = np.asarray(labels)
    parts: dict[str, list[Indices]] = {name: [] for name in SPLITS}
    draw = np.random.default_rng(seed)
    for label in np.unique(labels):
        items = draw.permutation(np.flatnonzero(labels == label))
        least = 1 if len(items) >= 3 else 0
        n_test = max(round(len(items) * test), least if test else 0)
        n_valid = max(round(len(items) * valid), least if valid else 0)
        for name, part in zip(("test", "valid", "train"), np.split(items, [n_test, n_test + n_valid]), strict=True):
            parts[name].append(part)
    return {name: np.sort(np.concatenate(chunks)) for name, chunks in parts.items()}
