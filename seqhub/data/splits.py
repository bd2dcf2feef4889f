"""Which rows or items are for training, for choosing, and for the final number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqhub.errors import DataError

SPLITS = ("train", "valid", "test")
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Rows first to stop - 1 of a series."""

    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


def chronological(rows: int, valid: float, test: float, folds: int = 1, fold: int = 0) -> dict[str, Span]:
    """The earliest rows train, the latest test. Shares are rounded to whole rows; train takes the rest.

    folds: rolling origin: as many test parts one behind the other, the last at the end; see `by_rows`.
    """
    n_valid, n_test = round(rows * valid), round(rows * test)
    return by_rows((rows - n_test - n_valid, n_valid, n_test), folds, fold)


def by_rows(counts: Sequence[int], folds: int = 1, fold: int = 0) -> dict[str, Span]:
    """Numbers of rows of train, valid and test, from the first row on, in the last fold. Each earlier fold has as many
    rows less to train on as a test part has, and its test part ends where that of the next one begins.
    """
    train, valid, test = counts
    train -= test * (folds - 1 - fold)
    return {
        "train": Span(0, train),
        "valid": Span(train, train + valid),
        "test": Span(train + valid, train + valid + test),
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


def by_name(
    names: Sequence[str], valid: float, test: float, held_out: str | None, seed: int, origin: str
) -> dict[str, Indices]:
    """Items drawn at random; with `held_out`, those in whose name the expression is found are the test items.

    Each split is sorted. DataError E311 where one would be empty; valid is where its share is 0.
    """
    everyone = np.arange(len(names))
    found = np.array([held_out is not None and re.search(held_out, name) is not None for name in names], dtype=bool)
    drawn = np.random.default_rng(seed).permutation(everyone[~found])
    n_test = 0 if held_out is not None else max(1, round(len(names) * test))
    n_valid = max(1, round(len(drawn) * valid)) if valid else 0
    parts = {"test": drawn[:n_test], "valid": drawn[n_test : n_test + n_valid], "train": drawn[n_test + n_valid :]}
    if held_out is not None:
        parts["test"] = everyone[found]
    for name, part in parts.items():
        if not len(part) and (name != "valid" or valid):
            what = f"{origin} has {len(names)} items, none of them for {name}"
            fix = f"no name has {held_out!r} in it" if held_out is not None and name == "test" else "give more items"
            raise DataError(what, code="E311", fix=fix)
    return {name: np.sort(parts[name]) for name in SPLITS}
