"""Labelled sequences for classification: taken from a source, checked, cut, split, scaled by train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqhub.data.batch import Item, Items
from seqhub.data.nearest import nearest
from seqhub.data.scaler import Scaler, fit_scaler
from seqhub.data.sequences import check_finite, cut_at_random, group_rows
from seqhub.data.splits import Indices, stratified
from seqhub.data.table import Numbers, Sequences, Source, Table
from seqhub.errors import DataError
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs import ClassifyData


@dataclass(frozen=True, eq=False)
class Labelled:
    """items: [T D] each.  classes: [N] positions in `labels`.  splits: item positions.  scaler: of train's steps."""

    items: list[Numbers]
    classes: Indices
    labels: tuple[str, ...]
    features: tuple[str, ...]
    splits: dict[str, Indices]
    scaler: Scaler
    origin: str
    notes: tuple[str, ...]


def read_labelled(source: Source, data: ClassifyData, seed: int) -> Labelled:
    """Raises DataError where columns or values cannot be used, a label is unknown, or a split would be empty."""
    sequences = _sequences(source.read(), data)
    check_finite(sequences)
    labels = tuple(data.labels) or tuple(sorted(set(sequences.labels), key=_natural))
    classes = _classes(sequences, labels)
    items, notes = list(sequences.items), list(sequences.notes)
    if data.crop is not None:
        items = cut_at_random(items, data.crop, seed)
        cut = sum(len(a) < len(b) for a, b in zip(items, sequences.items, strict=True))
        notes.append(f"{cut} of {len(items)} sequences were cut at random to their first steps, {data.crop} at least")
    splits = stratified(classes, data.split.valid, data.split.test, seed)
    for name, members in splits.items():
        if not len(members):
            what = f"{sequences.origin} has {len(items)} sequences, none of them for {name}"
            raise DataError(what, code="E311", fix=f"give more sequences, or a larger share for {name}")
    return Labelled(
        items=items,
        classes=classes,
        labels=labels,
        features=sequences.features,
        splits=splits,
        scaler=fit_scaler(np.concatenate([items[i] for i in splits["train"]])),
        origin=sequences.origin,
        notes=tuple(notes),
    )


class LabelledItems(Items):
    """Item i of a split: x [T D], target: the position of its label."""

    def __init__(self, labelled: Labelled, split: str) -> None:
        self.members = labelled.splits[split]
        self.items = labelled.items
        self.classes = labelled.classes

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> Item:
        member = int(self.members[index])
        x: Tensor = torch.from_numpy(self.items[member]).float()
        return Item(x, torch.tensor(int(self.classes[member])), torch.tensor(index))


def _sequences(found: Table | Sequences, data: ClassifyData) -> Sequences:
    if isinstance(found, Sequences):
        for option in data.only_for_tables():
            what = f"data.{option} names columns, but source {found.origin} gives sequences with labels"
            raise DataError(what, code="E312", fix=f"remove data.{option}")
        return found
    if data.sequence is None or data.label is None:
        columns = ", ".join(found.columns)
        fix = f"set data.sequence and data.label; columns: {columns}"
        needs = "to know which column tells sequences apart, and which holds their label"
        raise refuse_source(found.origin, "rows and columns", "classify", needs, fix)
    return group_rows(found, sequence=data.sequence, label=data.label, time=data.time, features=data.features)


def _classes(sequences: Sequences, labels: tuple[str, ...]) -> Indices:
    position = {label: i for i, label in enumerate(labels)}
    for i, label in enumerate(sequences.labels):
        if label not in position:
            what = f"{sequences.origin}: sequence {i + 1} has label {label!r}, which data.labels does not name"
            raise DataError(what, code="E313", fix=nearest(label, labels, "labels"))
    if len(set(sequences.labels)) < 2:
        what = f"{sequences.origin}: every sequence has the label {sequences.labels[0]!r}, so there is nothing to learn"
        raise DataError(what, code="E315", fix="give sequences of two labels or more")
    return np.array([position[label] for label in sequences.labels])


def _natural(label: str) -> tuple[int, float, str]:
    """Numbers by value and before words: 2 comes before 10."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
