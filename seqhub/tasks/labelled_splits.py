"""Which labelled items train, choose and give the final number: the source's own splits, names, folds, or a draw."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seqhub.data.nearest import nearest
from seqhub.data.splits import SPLITS, Indices, stratified
from seqhub.errors import DataError, Problem
from seqhub.tasks.configs import Split
from seqhub.tasks.configs_classify import Folds, ItemSplit

Report = Callable[[str, int, str, str], Problem]  # code, item, what, fix


def split_labelled(
    classes: Indices,
    split: Split,
    folds: Folds,
    seed: int,
    *,
    origin: str,
    own: Mapping[str, range] | None = None,
    names: Sequence[str] = (),
) -> dict[str, Indices]:
    """Positions of each split, sorted. own: the source's splits; without `valid`, that is drawn from train.

    Raises DataError E311 where a split is empty (valid may be, where its share is 0), E312 where options do not go with
    the source.
    """
    splits = _chosen(classes, split, folds, seed, origin, own, names)
    for name, members in splits.items():
        if not len(members) and (name != "valid" or split.valid > 0):
            what = f"{origin} has {len(classes)} items, none of them for {name}"
            raise DataError(what, code="E311", fix=f"give more items, or a larger share for {name}")
    return splits


def check_labels_known(labels: Sequence[str], splits: Mapping[str, Indices], report: Report) -> None:
    """DataError E313 for labels of valid or test that never occur in train."""
    known = {labels[i] for i in splits["train"].tolist()}
    problems = []
    for split in ("valid", "test"):
        for i in splits[split].tolist():
            if labels[i] not in known:
                what = f"the label {labels[i]!r} of {split} never occurs in train, so it cannot be learnt"
                fix = f"correct it, or move such an item to train; {nearest(labels[i], sorted(known), 'labels')}"
                problems.append(report("E313", i, what, fix))
    if problems:
        raise DataError.collect(problems[:5])


def _chosen(
    classes: Indices,
    split: Split,
    folds: Folds,
    seed: int,
    origin: str,
    own: Mapping[str, range] | None,
    names: Sequence[str],
) -> dict[str, Indices]:
    held_out = split.held_out if isinstance(split, ItemSplit) else None
    if own is not None:
        if folds.folds is not None or held_out is not None:
            option = "data.folds" if folds.folds is not None else "data.split.held_out"
            what = f"{origin} has splits of its own, so {option} has no effect"
            raise DataError(what, code="E312", fix=f"remove {option}, or name one file")
        found = {name: np.array(own.get(name, ()), dtype=np.int64) for name in SPLITS}
        return found if "valid" in own else {**found, **_inner(classes, found["train"], split.valid, seed)}
    if held_out is not None:
        if not names:
            fix = "remove it; test items are then drawn by split.test"
            raise DataError(f"items of {origin} have no names for data.split.held_out", code="E312", fix=fix)
        there = np.array([re.search(held_out, name) is not None for name in names], dtype=bool)
        return {**_inner(classes, np.flatnonzero(~there), split.valid, seed), "test": np.flatnonzero(there)}
    if folds.folds is not None:
        part = _parts(classes, folds.folds, seed)
        rest = np.flatnonzero(part != folds.fold)
        return {**_inner(classes, rest, split.valid, seed), "test": np.flatnonzero(part == folds.fold)}
    return stratified(classes, split.valid, split.test, seed)


def _inner(classes: Indices, members: Indices, valid: float, seed: int) -> dict[str, Indices]:
    inner = stratified(classes[members], valid, 0.0, seed)
    return {"train": members[inner["train"]], "valid": members[inner["valid"]]}


def _parts(classes: Indices, folds: int, seed: int) -> Indices:
    """The fold of each item; each label is spread evenly over the folds."""
    part = np.zeros(len(classes), dtype=np.int64)
    draw = np.random.default_rng(seed)
    for label in np.unique(classes):
        members = draw.permutation(np.flatnonzero(classes == label))
        part[members] = (np.arange(len(members)) + label) % folds  # the rest of a label goes to another fold each
    return part
