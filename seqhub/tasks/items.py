"""Labelled sequences for classification: taken from a source, checked, filled, cut, split, scaled by train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqhub.data.batch import Item, Items
from seqhub.data.nearest import nearest
from seqhub.data.scaler import Scaler, fit_scaler_of
from seqhub.data.sequences import Cut, check_finite, cut_at_random, cut_windows, fill_missing, group_rows
from seqhub.data.splits import Indices
from seqhub.data.table import Numbers, Sequences, Source, Table
from seqhub.errors import DataError
from seqhub.tasks.augment import Spoiler
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_classify import ClassifyData
from seqhub.tasks.labelled_splits import check_labels_known, split_labelled


@dataclass(frozen=True, eq=False)
class Labelled:
    """items: [T D] each.  classes: [N] positions in `labels`.  splits: item positions.  scaler: of train's steps.
    names: one an item, or none.  rate_hz: steps a second where that is known, else 0.
    """

    items: Sequence[Numbers]
    classes: Indices
    labels: tuple[str, ...]
    features: tuple[str, ...]
    splits: dict[str, Indices]
    scaler: Scaler
    origin: str
    notes: tuple[str, ...]
    names: Sequence[str]
    rate_hz: int


def read_labelled(source: Source, data: ClassifyData, seed: int) -> Labelled:
    """Raises DataError where columns or values cannot be used, a label is unknown, or a split would be empty."""
    sequences = _sequences(source.read(), data)
    if data.missing != "error":
        sequences = fill_missing(sequences, data.missing)
    check_finite(sequences)
    labels = tuple(data.labels) or tuple(sorted(set(sequences.labels), key=_natural))
    classes = _classes(sequences, labels)
    items, notes = sequences.items, list(sequences.notes)
    if data.crop is not None:
        items = cut_at_random(items, data.crop, seed)
        cut = sum(len(a) < len(b) for a, b in zip(items, sequences.items, strict=True))
        notes.append(f"{cut} of {len(items)} sequences were cut at random to their first steps, {data.crop} at least")
    splits = split_labelled(
        classes, data.split, data, seed, origin=sequences.origin, own=sequences.splits, names=sequences.names
    )
    check_labels_known(sequences.labels, splits, sequences.problem)
    return Labelled(
        items=items,
        classes=classes,
        labels=labels,
        features=sequences.features,
        splits=splits,
        scaler=fit_scaler_of([items[i] for i in splits["train"].tolist()], data.clip),
        origin=sequences.origin,
        notes=tuple(notes),
        names=sequences.names,
        rate_hz=sequences.rate_hz,
    )


class LabelledItems(Items):
    """Item i of a split: x [T D], target: the position of its label.

    spoil: what is done to x at random, by (seed, epoch, i) alone; `begin` says which epoch it is.
    """

    def __init__(self, labelled: Labelled, split: str, spoil: Spoiler, seed: int) -> None:
        self.members = labelled.splits[split]
        self.items = labelled.items
        self.classes = labelled.classes
        self.spoil, self.seed = spoil, seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """From now on items are those of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.members)

    def lengths(self) -> list[int]:
        """Steps of each item, before any change of speed."""
        return [len(self.items[member]) for member in self.members.tolist()]

    def __getitem__(self, index: int) -> Item:
        member = int(self.members[index])
        x = self.items[member]
        if self.spoil:
            x = self.spoil(x, np.random.default_rng([self.seed, self.epoch, index]))
        steps: Tensor = torch.from_numpy(np.ascontiguousarray(x)).float()
        return Item(steps, torch.tensor(int(self.classes[member])), torch.tensor(index))


def _sequences(found: Table | Sequences, data: ClassifyData) -> Sequences:
    if isinstance(found, Sequences):
        for option in data.only_for_tables():
            what = f"data.{option} is for tables, but source {found.origin} gives sequences with labels"
            raise DataError(what, code="E312", fix=f"remove data.{option}")
        return found
    found.require_whole("classify")
    missing = None if data.missing == "error" else data.missing
    if data.label is not None and data.window is not None:
        cut = Cut(data.window, data.stride, data.split.valid, data.split.test)
        return cut_windows(found, cut, label=data.label, time=data.time, features=data.features, missing=missing)
    if data.sequence is None or data.label is None:
        columns = ", ".join(found.columns)
        fix = f"set data.label, and data.sequence or data.window; columns: {columns}"
        needs = "to know which column tells sequences apart, and which holds their label"
        raise refuse_source(found.origin, "rows and columns", "classify", needs, fix)
    return group_rows(
        found,
        sequence=data.sequence,
        label=data.label,
        time=data.time,
        features=data.features,
        gaps=missing is not None,
    )


def _classes(sequences: Sequences, labels: tuple[str, ...]) -> Indices:
    position = {label: i for i, label in enumerate(labels)}
    for i, label in enumerate(sequences.labels):
        if label not in position:
            what = f"{sequences.name(i)} has label {label!r}, which data.labels does not name"
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
