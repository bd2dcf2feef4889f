"""A table as a series for forecasting: rows by time, columns chosen, checked, filled where asked, split by time.

Shapes: N rows, K targets, D columns that are read (the targets first), H horizon, P parameters of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqhub.data.columns import SHOWN, finite, texts, times
from seqhub.data.gaps import fill_gaps
from seqhub.data.scaler import Scaler, fit_scaler
from seqhub.data.splits import SPLITS, Span, by_rows, chronological
from seqhub.data.table import Numbers, Source, Table
from seqhub.data.windows import window_ends
from seqhub.errors import DataError
from seqhub.nn.ends import Ends
from seqhub.nn.spread import roles
from seqhub.runtime.clock import ELAPSED, Rows, Unfit, ahead_names, arrange, calendar, calendar_names, elapsed, later
from seqhub.runtime.spread import Spread
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, SeriesSplit, step_seconds


@dataclass(frozen=True)
class Part:
    """One of the series: its rows begin at `first` of all; the span of each split, counted from there too."""

    name: str
    first: int
    rows: int
    spans: dict[str, Span]


@dataclass(frozen=True, eq=False)
class Series:
    """values [N D], of which `filled` [N D] were gaps; times [N] or None. Several series stand one behind the other.

    ahead: the columns that hold what is known of the row `horizon` later.
    """

    values: Numbers
    filled: NDArray[np.bool_]
    times: NDArray[Any] | None
    features: tuple[str, ...]
    targets: int
    parts: tuple[Part, ...]
    origin: str
    notes: tuple[str, ...]
    ahead: range = range(0)

    @property
    def train(self) -> Numbers:
        """The rows that anything may be fitted on."""
        return self.rows_of("train")

    def rows_of(self, split: str) -> Numbers:
        return np.concatenate(self.each(split))

    def each(self, split: str) -> list[Numbers]:
        """The rows of a split, series by series."""
        return [self.values[part.spans[split].first : part.spans[split].stop] for part in self.parts]

    def windows(self, split: str, lookback: int, horizon: int, stride: int = 1) -> tuple[Sequence[int], list[int]]:
        """The last row of every window of a split, and the first row of its series. No window lies in two series."""
        ends = [
            range(part.first + found.start, part.first + found.stop, found.step)
            for part in self.parts
            for found in [window_ends(_local(part, split), lookback, horizon, stride)]
        ]
        begins = [part.first for part, found in zip(self.parts, ends, strict=True) for _ in found]
        return ends[0] if len(ends) == 1 else [end for found in ends for end in found], begins


def _local(part: Part, split: str) -> Span:
    """A span counted from the first row of its own series."""
    span = part.spans[split]
    return Span(span.first - part.first, span.stop - part.first)


def read_series(source: Source, data: ForecastData, config: ForecastConfig) -> Series:
    """Raises DataError where a column is missing or holds anything but finite numbers, time does not increase, a split
    is shorter than one window, or a target never changes."""
    table = source.read()
    if not isinstance(table, Table):
        fix = "use task: classify, or a source with columns"
        raise refuse_source(table.origin, "labelled sequences", "forecast", "a table of rows in time", fix)
    table.require_whole("forecast")
    if data.known and config.lookback < config.horizon:
        what = f"known: columns are read over the {config.lookback} steps of lookback, not over all {config.horizon}"
        raise DataError(f"{what} of horizon", code="E312", fix="let lookback be as long as horizon, or remove known")
    named = (*data.target, *data.covariates)
    columns = (data.time, data.series)
    table.require([*dict.fromkeys((*named, *data.known)), *(name for name in columns if name)])
    read = {name: _read(table, name, data) for name in dict.fromkeys((*named, *data.known))}
    stamps = _stamps(table, data)
    made, parts, notes, first = [], [], list[str](), 0
    for name, index in _groups(table, data):
        rows, said = _in_order(table, data, stamps, index)
        piece = _made(table, read, data, config.horizon, rows, index)
        origin = _called(table.origin, data, name)
        spans = _spans(data.split, len(piece.values), origin)
        _check_long_enough(spans, len(piece.values), origin, config)
        spans = {split: Span(first + span.first, first + span.stop) for split, span in spans.items()}
        parts.append(Part(name, first, len(piece.values), spans))
        notes += [f"{name}: {note}" if data.series else note for note in said]
        made.append(piece)
        first += len(piece.values)
    if data.series:
        counts = [part.rows for part in parts]
        notes = [f"{len(parts)} series by {data.series!r}, of {min(counts)} to {max(counts)} rows", *_few(notes)]
    values = np.concatenate([piece.values for piece in made])
    features = _features(data)
    filled = np.zeros(values.shape, dtype=np.bool_)
    filled[:, : len(named)] = np.concatenate([piece.filled for piece in made])
    series = Series(
        values=values,
        filled=filled,
        times=None if made[0].times is None else np.concatenate([piece.times for piece in made]),
        features=features,
        targets=len(data.target),
        parts=tuple(parts),
        origin=table.origin,
        notes=(*table.notes, *notes),
        ahead=range(len(named), len(named) + len(data.known)),
    )
    _check_targets(series, table, config)
    return series


class _Piece(NamedTuple):
    """One series: values [n D], which of its columns of the table were filled [n C], times [n]."""

    values: Numbers
    filled: NDArray[np.bool_]
    times: Any


def _made(
    table: Table,
    read: Mapping[str, Numbers],
    data: ForecastData,
    horizon: int,
    rows: Rows | None,
    index: NDArray[np.int64],
) -> _Piece:
    """The rows `index` of the table with the columns that are made of them, as `_features` names them."""

    def column(name: str) -> tuple[Numbers, NDArray[np.bool_]]:
        return _column(table, name, read[name][index], data, rows, index)

    columns = [column(name) for name in (*data.target, *data.covariates)]
    filled = np.stack([gaps for _, gaps in columns], axis=1)
    values = [np.stack([values for values, _ in columns], axis=1)]
    values += [later(column(name)[0], horizon)[:, None] for name in data.known]
    if rows is not None and data.calendar:
        values.append(calendar(rows.times, data.calendar))
    if rows is not None and data.elapsed:
        values.append(elapsed(rows.times, step_seconds(data.elapsed) or 1))
    if data.mask:
        values.append(filled.astype(np.float64))
    return _Piece(np.concatenate(values, axis=1), filled, None if rows is None else rows.times)


def _features(data: ForecastData) -> tuple[str, ...]:
    named = (*data.target, *data.covariates)
    features = (*named, *ahead_names(data.known), *calendar_names(data.calendar))
    return (*features, *((ELAPSED,) if data.elapsed else ()), *(mask_names(named) if data.mask else ()))


def _groups(table: Table, data: ForecastData) -> list[tuple[str, NDArray[np.int64]]]:
    """Which rows make a series, by name, in the order of their first rows."""
    if not data.series:
        return [("", np.arange(table.rows))]
    found: dict[str, list[int]] = {}
    for row, name in enumerate(texts(table, data.series)):
        found.setdefault(name, []).append(row)
    return [(name, np.array(rows)) for name, rows in found.items()]


def _called(origin: str, data: ForecastData, name: str) -> str:
    return f"{origin}, {data.series} {name!r}," if data.series else origin


def _few(notes: list[str]) -> list[str]:
    return notes if len(notes) <= SHOWN else [*notes[:SHOWN], f"and {len(notes) - SHOWN} more such notes"]


def mask_names(named: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns that say what was missing."""
    return tuple(f"{name} missing" for name in named)


def fit_ends(series: Series, config: ForecastConfig) -> Ends:
    """Columns, units and shapes of the model's two ends, from the training rows alone."""
    k, horizon = series.targets, config.horizon
    inputs = _fit_inputs(series, config)
    levels = series.train[:, :k]
    if config.anchor == "last":
        changes = [[_change(train[:, :k], h) for train in series.each("train")] for h in range(1, horizon + 1)]
        steps = [fit_scaler(np.concatenate(change)) for change in changes]
    else:
        steps = [fit_scaler(levels)] * horizon
    spread = spread_of(config)
    role = roles(config.output, len(spread.levels))
    shift = np.array([step.shift for step in steps])[:, None].repeat(len(role), axis=1)  # [H P K]
    scale = np.array([step.scale for step in steps])[:, None].repeat(len(role), axis=1)
    if config.output == "negative-binomial":
        scale[:] = np.maximum(levels.mean(axis=0), 1.0)  # a count's mean is above zero, and near this
    moved = np.array([one == "location" for one in role])[:, None]
    if config.anchor == "running":
        shift[:] = 0.0
    shift = np.where(moved, shift, 0.0)
    scale = np.where(np.array([one != "shape" for one in role])[:, None], scale, 1.0)
    anchored = config.anchor != "none"
    return Ends(
        features=series.features,
        outputs=(horizon, k) if config.output == "point" else (horizon, len(role), k),
        output_names=series.features[:k],
        input_shift=inputs.shift,
        input_scale=inputs.scale,
        output_shift=tuple(shift.ravel().tolist()),
        output_scale=tuple(scale.ravel().tolist()),
        difference=config.inputs == "difference",
        anchor=tuple(range(k)) * (horizon * len(role)) if anchored else (),
        normalise=config.anchor == "running",
        elapsed=series.features.index(ELAPSED) if ELAPSED in series.features else None,
        spread=config.output,
        levels=spread.levels,
    )


def _fit_inputs(series: Series, config: ForecastConfig) -> Scaler:
    """Of a column that is known ahead, the last rows of train tell of later ones: they are left out."""

    def fit(trains: list[Numbers]) -> Scaler:
        return fit_scaler(
            np.concatenate([np.diff(train, axis=0) if config.inputs == "difference" else train for train in trains])
        )

    trains = series.each("train")
    now = fit(trains)
    if not series.ahead:
        return now
    ahead = fit([train[: -config.horizon] for train in trains])
    pick = [ahead if i in series.ahead else now for i in range(len(series.features))]
    return Scaler(
        tuple(one.shift[i] for i, one in enumerate(pick)),
        tuple(one.scale[i] for i, one in enumerate(pick)),
        tuple(one.constant[i] for i, one in enumerate(pick)),
    )


def spread_of(config: ForecastConfig) -> Spread:
    """What an answer says of each number."""
    return Spread(config.output, config.quantiles if config.output == "quantiles" else ())


def constant_columns(series: Series) -> list[str]:
    """Columns of the table that never change within train."""
    scaler: Scaler = fit_scaler(series.train)
    masks = mask_names(series.features)
    each = zip(series.features, scaler.constant, strict=True)
    return [name for name, constant in each if constant and name not in masks]


def _stamps(table: Table, data: ForecastData) -> NDArray[Any] | None:
    """The times of all rows as they stand."""
    if not data.time:
        return None
    stamps = times(table, data.time)
    asks = "calendar" if data.calendar else "elapsed" if data.elapsed else ""
    if stamps.dtype.kind == "f" and asks:
        what = f"{table.origin}: column {data.time!r} holds plain numbers, but {asks} needs dates"
        raise DataError(what, code="E308", fix=f"write times as 1958-03-29 or 1958-03-29T12:30:00, or remove {asks}")
    return stamps


def _in_order(
    table: Table, data: ForecastData, stamps: NDArray[Any] | None, index: NDArray[np.int64]
) -> tuple[Rows | None, list[str]]:
    """The rows `index` by time; DataError E310 at the first that may not stand where it does."""
    if stamps is None or data.time is None:
        return None, []
    step = step_seconds(data.step) if data.step else None
    try:
        return arrange(stamps[index], order=data.order, repeated=data.repeated, step_s=step)
    except Unfit as error:
        before, row = (int(index[i]) for i in error.rows)
        fix = error.fix.replace("by time", f"by {data.time!r}")
        what = (
            f"{error}, first on {table.line(before)}" if "twice" in str(error) else f"{error} on {table.line(before)}"
        )
        raise DataError.collect([table.problem("E310", row, data.time, what, fix)]) from None


def _spans(split: SeriesSplit, rows: int, origin: str) -> dict[str, Span]:
    if not split.rows:
        return chronological(rows, split.valid, split.test, split.folds, split.fold)
    if sum(split.rows) > rows:
        what = f"{origin} has {rows} rows, but split.rows adds up to {sum(split.rows)}"
        raise DataError(what, code="E311", fix="lower one of them, or use shares")
    return by_rows(split.rows, split.folds, split.fold)


def _change(values: Numbers, steps: int) -> Numbers:
    """y[t + steps] - y[t]: [N K] -> [N - steps K]."""
    return values[steps:] - values[:-steps]


def _read(table: Table, name: str, data: ForecastData) -> Numbers:
    """A column as it stands [M], NaN where a value is missing and may be."""
    if data.missing == "error":
        return finite(table, name, fill="; `data.missing: interpolate` fills gaps in a series")
    return finite(table, name, gaps=True)


def _column(
    table: Table, name: str, read: Numbers, data: ForecastData, rows: Rows | None, index: NDArray[np.int64]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """A column of one series by time, without gaps, and where they were: [n], [n]."""
    values = read if rows is None else rows(read)
    if data.missing == "error":
        return values, np.zeros(len(values), dtype=np.bool_)
    values, filled = fill_gaps(values, data.missing)
    left = np.flatnonzero(np.isnan(values))
    if len(left):
        edge = "starts" if left[0] == 0 else "ends"
        what = f"the value is missing and the column {edge} here, so `missing: {data.missing}` cannot fill it"
        row = int(index[left[0] if rows is None else rows.row[left[0]]])
        raise DataError.collect([table.problem("E309", row, name, what, "remove the row, or fill the cell")])
    return values, filled


def _check_targets(series: Series, table: Table, config: ForecastConfig) -> None:
    """Each target changes in train, and is a count where counts are answered."""
    constant = fit_scaler(series.train[:, : series.targets]).constant
    for index, never in enumerate(constant):
        name, values = series.features[index], series.values[:, index]
        if never:
            what = (
                f"{table.origin}: column {name!r} is {values[0]:g} in every row of train, so there is nothing to learn"
            )
            raise DataError(what, code="E315", fix="name another target, or change the split")
        wrong = np.flatnonzero((values < 0) | (values % 1 != 0))
        if config.output == "negative-binomial" and len(wrong):
            value = values[wrong[0]]
            what = f"{table.origin}: column {name!r} holds {value:g}, but output: negative-binomial answers counts"
            raise DataError(what, code="E308", fix="use another output, or name a column of whole numbers from 0")


def _check_long_enough(spans: Mapping[str, Span], rows: int, origin: str, config: ForecastConfig) -> None:
    for split in SPLITS:
        span = spans[split]
        if len(window_ends(span, config.lookback, config.horizon)):
            continue
        need, made_of = config.horizon, f"horizon {config.horizon}"
        most = len(spans["train"]) - config.horizon
        fix = f"give more rows, a shorter horizon, or a larger share for {split}"
        if split == "train":
            need, made_of = config.lookback + config.horizon, f"lookback {config.lookback} + horizon {config.horizon}"
            fix = "give more rows" + (f", or a lookback of at most {most}" if most >= 2 else " or a shorter horizon")
        what = f"{origin} has {rows} rows, {len(span)} of them for {split}; one window needs {need} ({made_of})"
        raise DataError(what, code="E311", fix=fix)
