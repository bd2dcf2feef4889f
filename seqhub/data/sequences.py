"""Labelled sequences out of a table, and cut at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqhub.data.columns import finite, increasing, texts, times
from seqhub.data.table import Numbers, Sequences, Table
from seqhub.errors import DataError


def group_rows(
    table: Table, *, sequence: str, label: str, time: str | None = None, features: Sequence[str] = ()
) -> Sequences:
    """Rows with one value of `sequence` are one sequence, in the order of the file, and carry one `label`.

    features: the columns that are read; without any, all that are left.  Raises DataError where a column is missing, a
    cell is no finite number, a sequence has two labels, or time does not increase within it.
    """
    named = [sequence, label, *([time] if time else [])]
    table.require([*named, *features])
    features = tuple(features) or tuple(name for name in table.columns if name not in named)
    if not features:
        what = f"{table.origin} has no column beside {', '.join(named)}"
        raise DataError(what, code="E307", fix="add columns of numbers")
    values = np.stack([finite(table, name) for name in features], axis=1)
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
        features=tuple(features),
        origin=table.origin,
        notes=table.notes,
    )


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
            where = f"{sequences.origin}, sequence {i + 1}, step {step + 1}, feature {sequences.features[column]!r}"
            fix = "remove or fill the value; NaN is not read as a gap"
            raise DataError(f"{where}: the value is {item[step, column]}", code="E309", fix=fix)
