"""Recordings for regression: taken from a source, checked, split into pieces, scaled by train.

Shapes: T steps, D features, K targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqhub.data.columns import finite, increasing, numbers, texts, times
from seqhub.data.splits import SPLITS, by_name, chronological
from seqhub.data.table import Numbers, Sequences, Source, Table
from seqhub.errors import DataError
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_regress import RegressData

Columns = dict[str, Numbers]


@dataclass(frozen=True, eq=False)
class Recording:
    """x [T D]; y [T K], NaN in steps that are not scored; rivals: what other methods answer, [T K] each.

    first: its first step in the recording that it was cut from.
    """

    name: str
    x: Numbers
    y: Numbers
    rivals: Mapping[str, Numbers]
    first: int = 0

    def cut(self, first: int, stop: int) -> Recording:
        """Steps first to stop - 1, as views."""
        rivals = {name: values[first:stop] for name, values in self.rivals.items()}
        return Recording(self.name, self.x[first:stop], self.y[first:stop], rivals, self.first + first)

    @property
    def scored(self) -> NDArray[np.bool_]:
        """[T] the steps whose target is known."""
        return np.asarray(np.isfinite(self.y).all(axis=1))


@dataclass(frozen=True, eq=False)
class Measured:
    """splits: the recordings, or their pieces, of each split.  recordings: how many there were."""

    splits: dict[str, list[Recording]]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    recordings: int
    origin: str
    notes: tuple[str, ...]
    rate_hz: int = 0


def read_measured(source: Source, data: RegressData, burn_in: int, seed: int) -> Measured:
    """Raises DataError where a column is missing or holds what cannot be used, time does not increase, a piece is not
    longer than `burn_in`, or a target never changes in train.
    """
    found = source.read()
    if isinstance(found, Table):
        features, named = _of_table(found, data)
    elif isinstance(found, Sequences):
        features, named = _of_sequences(found, data)
    else:
        fix = "use a source of numbers, such as csv, npz or pendulum"
        raise refuse_source(getattr(found, "origin", "?"), "text", "regress", "recordings of numbers", fix)
    recordings = [_recording(name, columns, features, data) for name, columns in named]
    splits = _split(recordings, data, burn_in, seed, found.origin)
    _check_long_enough(splits, burn_in)
    _check_targets(splits["train"], data.target, found.origin)
    rate_hz = found.rate_hz if isinstance(found, Sequences) else 0
    return Measured(splits, features, data.target, len(recordings), found.origin, found.notes, rate_hz)


def _of_table(table: Table, data: RegressData) -> tuple[tuple[str, ...], list[tuple[str, Columns]]]:
    table.require_whole("regress")
    aside = [name for name in (data.sequence, data.time, data.scored) if name]
    rivals = [column for columns in data.rivals().values() for column in columns]
    table.require([*data.target, *data.features, *aside, *rivals])
    left = [name for name in table.columns if name not in (*data.target, *aside, *rivals)]
    features = data.features or tuple(left)
    _check_features(features, table.origin)
    gaps = data.missing == "skip"
    values = {name: finite(table, name) for name in features}
    values |= {name: finite(table, name, gaps=gaps, fill="; or set data.missing: skip") for name in data.target}
    values |= {name: numbers(table, name) for name in (*rivals, *([data.scored] if data.scored else []))}
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(texts(table, data.sequence) if data.sequence else [table.origin] * table.rows):
        rows_of.setdefault(name, []).append(row)
    stamps = times(table, data.time) if data.time else None
    found = []
    for name, members in rows_of.items():
        rows = np.asarray(members)
        if stamps is not None and data.time:
            increasing(table, data.time, stamps[rows], rows)
        found.append((name, {column: cells[rows] for column, cells in values.items()}))
    return features, found


def _of_sequences(sequences: Sequences, data: RegressData) -> tuple[tuple[str, ...], list[tuple[str, Columns]]]:
    for option in ("sequence", "time"):
        if getattr(data, option) is not None:
            what = f"data.{option} is for tables, but source {sequences.origin} gives sequences"
            raise DataError(what, code="E312", fix=f"remove data.{option}")
    rivals = [column for columns in data.rivals().values() for column in columns]
    aside = [*rivals, *([data.scored] if data.scored else [])]
    known = Table(dict.fromkeys(sequences.features, ()), sequences.origin)
    known.require([*data.target, *data.features, *aside])
    left = tuple(name for name in sequences.features if name not in (*data.target, *aside))
    features = data.features or left
    _check_features(features, sequences.origin)
    position = {name: i for i, name in enumerate(sequences.features)}
    found = []
    for index, item in enumerate(sequences.items):
        columns = {name: item[:, position[name]] for name in (*features, *data.target, *aside)}
        for name in (*features, *data.target):
            bad = np.isinf(columns[name])
            if name in features or data.missing == "error":
                bad |= np.isnan(columns[name])
            if bad.any():
                step = int(np.flatnonzero(bad)[0])
                where = f"{sequences.name(index)}, step {step + 1}, column {name!r}"
                fix = "correct the value" + ("; or set data.missing: skip" if name in data.target else ", or fill it")
                raise DataError(f"{where}: the value is {columns[name][step]}", code="E309", fix=fix)
        found.append((sequences.name(index), columns))
    return features, found


def _check_features(features: Sequence[str], origin: str) -> None:
    if not features:
        raise DataError(f"{origin} has no column beside the targets", code="E307", fix="add columns to read")


def _recording(name: str, columns: Columns, features: Sequence[str], data: RegressData) -> Recording:
    def side_by_side(names: Sequence[str]) -> Numbers:
        return np.stack([columns[column] for column in names], axis=1)

    y = side_by_side(data.target)
    if data.scored is not None:
        y = np.where((columns[data.scored] != 0)[:, None], y, np.nan)
    rivals = {rival: side_by_side(names) for rival, names in data.rivals().items()}
    return Recording(name, side_by_side(features), y, rivals)


def _split(
    recordings: list[Recording], data: RegressData, burn_in: int, seed: int, origin: str
) -> dict[str, list[Recording]]:
    """Of a cut by time, what burns in lies before the border: it was known by then, and every step behind is scored."""
    split = data.split
    if split.by == "time" or (split.by == "auto" and len(recordings) < 3 and split.held_out is None):
        spans = [chronological(len(recording.x), split.valid, split.test) for recording in recordings]
        pieces = {
            name: [
                r.cut(max(0, span[name].first - burn_in), span[name].stop)
                for r, span in zip(recordings, spans, strict=True)
            ]
            for name in SPLITS
        }
        return pieces if split.valid else {**pieces, "valid": []}
    names = tuple(recording.name for recording in recordings)
    chosen = by_name(names, split.valid, split.test, split.held_out, seed, origin)
    return {name: [recordings[i] for i in chosen[name].tolist()] for name in SPLITS}


def _check_long_enough(splits: Mapping[str, Sequence[Recording]], burn_in: int) -> None:
    for split, recordings in splits.items():
        for recording in recordings:
            if len(recording.x) <= burn_in:
                what = f"{recording.name} has {len(recording.x)} steps for {split}, and burn_in is {burn_in}"
                raise DataError(what, code="E311", fix="give more steps, or a smaller burn_in")
        if recordings and not sum(int(recording.scored[burn_in:].sum()) for recording in recordings):
            what = f"no step of {split} is scored"
            raise DataError(what, code="E311", fix="give steps with a target, or another split")


def _check_targets(train: Sequence[Recording], targets: Sequence[str], origin: str) -> None:
    y = np.concatenate([recording.y[recording.scored] for recording in train])
    for name, values in zip(targets, y.T, strict=True):
        if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
            what = f"{origin}: column {name!r} is {values[0]:g} in every step of train, so there is nothing to learn"
            raise DataError(what, code="E315", fix="name another target, or change the split")
