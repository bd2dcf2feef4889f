"""A table as a series for forecasting: rows by time, columns chosen, checked, filled where asked, split by time.

Shapes: N rows, K targets, D columns that are read (the targets first), H horizon, P parameters of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.data.columns import finite, times
from seqhub.data.gaps import fill_gaps
from seqhub.data.scaler import Scaler, fit_scaler
from seqhub.data.splits import SPLITS, Span, by_rows, chronological
from seqhub.data.table import Numbers, Source, Table
from seqhub.data.windows import window_ends
from seqhub.errors import DataError
from seqhub.nn.ends import Ends
from seqhub.nn.spread import roles
from seqhub.runtime.clock import ELAPSED, Rows, Unfit, arrange, calendar, calendar_names, elapsed
from seqhub.runtime.spread import Spread
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, SeriesSplit, step_seconds


@dataclass(frozen=True, eq=False)
class Series:
    """values [N D], of which `filled` [N D] were gaps; times [N] or None; the span of each split."""

    values: Numbers
    filled: NDArray[np.bool_]
    times: NDArray[Any] | None
    features: tuple[str, ...]
    targets: int
    spans: dict[str, Span]
    origin: str
    notes: tuple[str, ...]

    @property
    def train(self) -> Numbers:
        """The rows that anything may be fitted on."""
        return self.values[: self.spans["train"].stop]


def read_series(source: Source, data: ForecastData, config: ForecastConfig) -> Series:
    """Raises DataError where a column is missing or holds anything but finite numbers, time does not increase, a split
    is shorter than one window, or a target never changes."""
    table = source.read()
    if not isinstance(table, Table):
        fix = "use task: classify, or a source with columns"
        raise refuse_source(table.origin, "labelled sequences", "forecast", "a table of rows in time", fix)
    named = (*data.target, *data.covariates)
    table.require([*named, *([data.time] if data.time else [])])
    rows, notes = _in_order(table, data)
    columns = [_column(table, name, data, rows) for name in named]
    values = np.stack([values for values, _ in columns], axis=1)
    filled = np.stack([filled for _, filled in columns], axis=1)
    features = named
    if rows is not None and data.calendar:
        features += calendar_names(data.calendar)
        values = np.concatenate((values, calendar(rows.times, data.calendar)), axis=1)
    if rows is not None and data.elapsed:
        features += (ELAPSED,)
        values = np.concatenate((values, elapsed(rows.times, step_seconds(data.elapsed) or 1)), axis=1)
    if data.mask:
        features += mask_names(named)
        values = np.concatenate((values, filled.astype(np.float64)), axis=1)
    made = np.zeros((len(values), values.shape[1] - len(named)), dtype=np.bool_)
    series = Series(
        values=values,
        filled=np.concatenate((filled, made), axis=1),
        times=None if rows is None else rows.times,
        features=features,
        targets=len(data.target),
        spans=_spans(data.split, len(values), table.origin),
        origin=table.origin,
        notes=(*table.notes, *notes),
    )
    _check_long_enough(series, config)
    _check_targets(series, table, config)
    return series


def mask_names(named: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns that say what was missing."""
    return tuple(f"{name} missing" for name in named)


def fit_ends(series: Series, config: ForecastConfig) -> Ends:
    """Columns, units and shapes of the model's two ends, from the training rows alone."""
    train, k, horizon = series.train, series.targets, config.horizon
    inputs = fit_scaler(np.diff(train, axis=0) if config.inputs == "difference" else train)
    levels = train[:, :k]
    if config.anchor == "last":
        steps = [fit_scaler(_change(levels, h)) for h in range(1, horizon + 1)]
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


def spread_of(config: ForecastConfig) -> Spread:
    """What an answer says of each number."""
    return Spread(config.output, config.quantiles if config.output == "quantiles" else ())


def constant_columns(series: Series) -> list[str]:
    """Columns of the table that never change within train."""
    scaler: Scaler = fit_scaler(series.train)
    masks = mask_names(series.features)
    each = zip(series.features, scaler.constant, strict=True)
    return [name for name, constant in each if constant and name not in masks]


def _in_order(table: Table, data: ForecastData) -> tuple[Rows | None, list[str]]:
    """The rows by time; DataError E310 at the first that may not stand where it does."""
    if not data.time:
        return None, []
    stamps = times(table, data.time)
    asks = "calendar" if data.calendar else "elapsed" if data.elapsed else ""
    if stamps.dtype.kind == "f" and asks:
        what = f"{table.origin}: column {data.time!r} holds plain numbers, but {asks} needs dates"
        raise DataError(what, code="E308", fix=f"write times as 1958-03-29 or 1958-03-29T12:30:00, or remove {asks}")
    step = step_seconds(data.step) if data.step else None
    try:
        return arrange(stamps, order=data.order, repeated=data.repeated, step_s=step)
    except Unfit as error:
        before, row = error.rows
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


def _column(table: Table, name: str, data: ForecastData, rows: Rows | None) -> tuple[Numbers, NDArray[np.bool_]]:
    if data.missing == "error":
        values = finite(table, name, fill="; `data.missing: interpolate` fills gaps in a series")
        values = values if rows is None else rows(values)
        return values, np.zeros(len(values), dtype=np.bool_)
    read = finite(table, name, gaps=True)
    values, filled = fill_gaps(read if rows is None else rows(read), data.missing)
    left = np.flatnonzero(np.isnan(values))
    if len(left):
        edge = "starts" if left[0] == 0 else "ends"
        what = f"the value is missing and the column {edge} here, so `missing: {data.missing}` cannot fill it"
        row = int(left[0]) if rows is None else int(rows.row[left[0]])
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


def _check_long_enough(series: Series, config: ForecastConfig) -> None:
    rows = len(series.values)
    for split in SPLITS:
        span = series.spans[split]
        if len(window_ends(span, config.lookback, config.horizon)):
            continue
        need, made_of = config.horizon, f"horizon {config.horizon}"
        most = len(series.spans["train"]) - config.horizon
        fix = f"give more rows, a shorter horizon, or a larger share for {split}"
        if split == "train":
            need, made_of = config.lookback + config.horizon, f"lookback {config.lookback} + horizon {config.horizon}"
            fix = "give more rows" + (f", or a lookback of at most {most}" if most >= 2 else " or a shorter horizon")
        what = f"{series.origin} has {rows} rows, {len(span)} of them for {split}; one window needs {need} ({made_of})"
        raise DataError(what, code="E311", fix=fix)
