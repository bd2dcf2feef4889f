"""Labelled sequences out of a table, and cut at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from seqhub.data.columns import finite, increasing, texts, times
from seqhub.data.gaps import Filling, fill_gaps
from seqhub.data.splits import chronological
from seqhub.data.table import Numbers, Sequences, Table
from seqhub.errors import DataError


def group_rows(
    table: Table,
    *,
    sequence: str,
    label: str,
    time: str | None = None,
    features: Sequence[str] = (),
    gaps: bool = False,
) -> Sequences:
    """Rows with one value of `sequence` are one sequence, in the order of the file, and carry one `label`.

    features: the columns that are read; without any, all that are left.  gaps: missing cells are left as NaN.  Raises
    DataError where a column is missing, a cell is no finite number, a sequence has two labels, or time does not
    increase within it.
    """
    features, values = _columns(table, [sequence, label, *([time] if time else [])], features, gaps=gaps)
    ids, labels = texts(table, sequence), texts(table, label)
    stamps = times(table, time) if time else None
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        rows_of.setdefault(name, []).append(row)
    for name, rows in rows_of.items():
        other = next((row for row in rows if labels[row] != labels[rows[0]]), None)
        if other is not None:
            what = f"{labels[other]!r}, but sequence {name!r} has label {labels[rows[0]]!r} on {table.line(rows[0])}"
            raise DataError.collect([table.problem("E313", other, label, what, "give one label to a sequence")])
        if stamps is not None and time:
            increasing(table, time, stamps[rows], np.asarray(rows))
    return Sequences(
        items=[values[rows] for rows in rows_of.values()],
        labels=[labels[rows[0]] for rows in rows_of.values()],
        features=features,
        origin=table.origin,
        notes=table.notes,
    )


@dataclass(frozen=True)
class Cut:
    """How rows become windows: `steps` rows each, `stride` rows between two that train; shares of valid and test."""

    steps: int
    stride: int
    valid: float
    test: float


def cut_windows(
    table: Table, cut: Cut, *, label: str, time: str | None, features: Sequence[str], missing: Filling | None
) -> Sequences:
    """The rows up to each row, with that row's label: windows, as views of one array. The earliest rows train, the
    latest test, and no window reaches into the rows of another split.

    Raises DataError as `group_rows`, and E311 where a split has fewer rows than a window.
    """
    features, values = _columns(table, [label, *([time] if time else [])], features, gaps=missing is not None)
    if time:
        increasing(table, time, times(table, time))
    if missing is not None:
        values = np.stack([fill_gaps(column, missing)[0] for column in values.T], axis=1)
    of_row = texts(table, label)
    ends: list[int] = []
    splits: dict[str, range] = {}
    for split, span in chronological(table.rows, cut.valid, cut.test).items():
        stride = cut.stride if split == "train" else 1
        found = range(span.first + cut.steps - 1, span.stop, stride)
        if not found and (split != "valid" or cut.valid > 0):
            what = f"{table.origin} has {len(span)} rows for {split}, fewer than a window of {cut.steps}"
            raise DataError(
                what, code="E311", fix=f"give more rows, a larger share for {split}, or a smaller data.window"
            )
        splits[split] = range(len(ends), len(ends) + len(found))
        ends.extend(found)
    return Sequences(
        items=Windows(values, ends, cut.steps),
        labels=[of_row[end] for end in ends],
        features=features,
        origin=table.origin,
        notes=table.notes,
        names=tuple(f"{table.origin} row {end + 1}" for end in ends),
        splits=splits,
    )


class Windows(Sequence[Numbers]):
    """Views of one array [N D]: item i is its `steps` rows up to `ends[i]`. However much they overlap, they are held,
    and go to another process, as that one array.
    """

    def __init__(self, values: Numbers, ends: Sequence[int], steps: int) -> None:
        self.values, self.ends, self.steps = values, ends, steps

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> Numbers: ...

    @overload
    def __getitem__(self, index: slice) -> Windows: ...

    def __getitem__(self, index: int | slice) -> Numbers | Windows:
        if isinstance(index, slice):
            return Windows(self.values, self.ends[index], self.steps)
        stop = self.ends[index] + 1
        return self.values[stop - self.steps : stop]


def fill_missing(sequences: Sequences, how: Filling) -> Sequences:
    """The same without NaN, but for those that nothing stands before, or around; a note counts what was filled."""
    if not any(np.isnan(item).any() for item in sequences.items):
        return sequences
    items, count = [], 0
    for item in sequences.items:
        if np.isnan(item).any():
            columns = [fill_gaps(column, how) for column in item.T]
            count += sum(int(filled.sum()) for _, filled in columns)
            item = np.stack([column for column, _ in columns], axis=1)
        items.append(item)
    note = (f"{count} missing values were filled ({how})",) if count else ()
    return replace(sequences, items=items, notes=(*sequences.notes, *note))


def _columns(table: Table, named: list[str], features: Sequence[str], *, gaps: bool) -> tuple[tuple[str, ...], Numbers]:
    """The columns that are read, those of `named` apart, and their values [N D]."""
    table.require([*named, *features])
    chosen = tuple(features) or tuple(name for name in table.columns if name not in named)
    if not chosen:
        what = f"{table.origin} has no column beside {', '.join(named)}"
        raise DataError(what, code="E307", fix="add columns of numbers")
    fill = "" if gaps else "; or set data.missing"
    return chosen, np.stack([finite(table, name, gaps=gaps, fill=fill) for name in chosen], axis=1)


def cut_at_random(items: Sequence[Numbers], least: int, seed: int) -> list[Numbers]:
    """The first steps of each sequence, at least `least` of them, the number drawn for each; views, not copies.

    Item i is cut by (seed, i) alone: the same in every epoch, and whatever else is in the list. Sequences that are not
    longer than `least` stay whole.
    """
    kept = []
    for i, item in enumerate(items):
        length = len(item)
        if length > least:
            length = int(np.random.default_rng([seed, i]).integers(least, length + 1))
        kept.append(item[:length])
    return kept


def check_finite(sequences: Sequences) -> None:
    """DataError at the first value that is NaN or infinite: sequence, step and feature."""
    for i, item in enumerate(sequences.items):
        if not np.isfinite(item).all():
            step, column = (int(index) for index in np.argwhere(~np.isfinite(item))[0])
            where = f"{sequences.name(i)}, step {step + 1}, feature {sequences.features[column]!r}"
            fix = "correct or fill the value, or set data.missing; a gap without neighbours stays one"
            raise DataError(f"{where}: the value is {item[step, column]}", code="E309", fix=fix)
