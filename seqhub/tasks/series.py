"""A table as a series for forecasting: columns chosen, checked, filled where asked, split by time, scaled by train.

Shapes: N rows, K targets, D columns that are read (the targets first), H horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.data.columns import finite, increasing, times
from seqhub.data.gaps import fill_gaps
from seqhub.data.scaler import Scaler, fit_scaler
from seqhub.data.splits import SPLITS, Span, chronological
from seqhub.data.table import Numbers, Source, Table
from seqhub.data.windows import window_ends
from seqhub.errors import DataError
from seqhub.nn.ends import Ends
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs import ForecastConfig, ForecastData


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
    features = (*data.target, *data.covariates)
    table.require([*features, *([data.time] if data.time else [])])
    stamps = None
    if data.time:
        stamps = times(table, data.time)
        increasing(table, data.time, stamps)
    columns = [_column(table, name, data) for name in features]
    series = Series(
        values=np.stack([values for values, _ in columns], axis=1),
        filled=np.stack([filled for _, filled in columns], axis=1),
        times=stamps,
        features=features,
        targets=len(data.target),
        spans=chronological(table.rows, data.split.valid, data.split.test),
        origin=table.origin,
        notes=table.notes,
    )
    _check_long_enough(series, config)
    constant = fit_scaler(series.train[:, : series.targets]).constant
    for name, never in zip(data.target, constant, strict=True):
        if never:
            value = series.values[0, features.index(name)]
            what = f"{table.origin}: column {name!r} is {value:g} in every row of train, so there is nothing to learn"
            raise DataError(what, code="E315", fix="name another target, or change the split")
    return series


def fit_ends(series: Series, config: ForecastConfig) -> Ends:
    """Columns, units and shapes of the model's two ends, from the training rows alone."""
    train, k, horizon = series.train, series.targets, config.horizon
    inputs = fit_scaler(np.diff(train, axis=0) if config.inputs == "difference" else train)
    steps = [_change(train[:, :k], h) if config.anchor == "last" else train[:, :k] for h in range(1, horizon + 1)]
    outputs = [fit_scaler(values) for values in steps]
    return Ends(
        features=series.features,
        outputs=(horizon, k),
        output_names=series.features[:k],
        input_shift=inputs.shift,
        input_scale=inputs.scale,
        output_shift=tuple(value for scaler in outputs for value in scaler.shift),
        output_scale=tuple(value for scaler in outputs for value in scaler.scale),
        difference=config.inputs == "difference",
        anchor=tuple(range(k)) * horizon if config.anchor == "last" else (),
    )


def constant_columns(series: Series) -> list[str]:
    """Columns that never change within train."""
    scaler: Scaler = fit_scaler(series.train)
    return [name for name, constant in zip(series.features, scaler.constant, strict=True) if constant]


def _change(values: Numbers, steps: int) -> Numbers:
    """y[t + steps] - y[t]: [N K] -> [N - steps K]."""
    return values[steps:] - values[:-steps]


def _column(table: Table, name: str, data: ForecastData) -> tuple[Numbers, NDArray[np.bool_]]:
    if data.missing == "error":
        values = finite(table, name, fill="; `data.missing: interpolate` fills gaps in a series")
        return values, np.zeros(len(values), dtype=np.bool_)
    values, filled = fill_gaps(finite(table, name, gaps=True), data.missing)
    left = np.flatnonzero(np.isnan(values))
    if len(left):
        edge = "starts" if left[0] == 0 else "ends"
        what = f"the value is missing and the column {edge} here, so `missing: {data.missing}` cannot fill it"
        raise DataError.collect([table.problem("E309", int(left[0]), name, what, "remove the row, or fill the cell")])
    return values, filled


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
