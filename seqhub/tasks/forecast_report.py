"""What a series looks like before a model sees it: `seqhub data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.data.columns import show_time
from seqhub.data.splits import SPLITS
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData
from seqhub.tasks.series import Series, constant_columns

_IRREGULAR = 1.5  # a step this many times the usual one means that rows are missing; months differ by 1.11
_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60))
_DRIFT = 0.5  # share of test values outside train's range from which a model of levels must extrapolate


def describe_series(
    series: Series, options: ForecastConfig, data: ForecastData, windows: Mapping[str, int]
) -> dict[str, Any]:
    """JSON: rows, times, columns, splits, warnings."""
    splits = []
    for split in SPLITS:
        rows = _rows(series, split)
        splits.append(
            {
                "split": split,
                "rows": len(rows),
                "windows": windows[split],
                "first": _time(series, split, last=False),
                "last": _time(series, split, last=True),
                "filled": int(series.filled[rows].any(axis=1).sum()),
            }
        )
    return {
        "task": "forecast",
        "source": series.origin,
        "rows": len(series.values),
        "step": _usual_step(series),
        "columns": [_column(series, i) for i in range(len(series.features))],
        "splits": splits,
        "notes": list(series.notes),
        "warnings": _warnings(series, options, data),
    }


def _column(series: Series, index: int) -> dict[str, Any]:
    values, train = series.values[:, index], series.train[:, index]
    return {
        "column": series.features[index],
        "role": "target" if index < series.targets else "covariate",
        "min": float(values.min()),
        "mean": float(values.mean()),
        "max": float(values.max()),
        "train_mean": float(train.mean()),
        "train_std": float(train.std()),
        "filled": int(series.filled[:, index].sum()),
    }


def _warnings(series: Series, options: ForecastConfig, data: ForecastData) -> list[str]:
    found = [f"column {name!r} never changes in train" for name in constant_columns(series)]
    found += _missing_rows(series)
    test = _rows(series, "test")
    for index, name in enumerate(series.features[: series.targets]):
        values, train = series.values[test, index], series.train[:, index]
        outside = float(np.mean((values < train.min()) | (values > train.max())))
        if outside >= _DRIFT and (options.anchor == "none" or options.inputs == "level"):
            found.append(
                f"{outside:.0%} of the test values of {name!r} lie outside the range of train:"
                " use inputs: difference and anchor: last, so that the model need not extrapolate"
            )
    filled = int(series.filled[test, : series.targets].sum())
    if filled:
        found.append(f"{filled} target values of test were filled (missing: {data.missing}) and are scored as if true")
    return found


def _rows(series: Series, split: str) -> NDArray[np.int64]:
    """The rows of a split, of all series."""
    return np.concatenate([np.arange(part.spans[split].first, part.spans[split].stop) for part in series.parts])


def _steps(series: Series) -> tuple[NDArray[Any], NDArray[Any]]:
    """The time between neighbours of one series, and of the earlier one; empty without times."""
    if series.times is None:
        return np.zeros(0), np.zeros(0)
    each = [series.times[part.first : part.first + part.rows] for part in series.parts]
    return np.concatenate([np.diff(times) for times in each]), np.concatenate([times[:-1] for times in each])


def _missing_rows(series: Series) -> list[str]:
    steps, times = _steps(series)
    if not len(steps):
        return []
    usual = np.median(steps) if steps.dtype.kind == "f" else np.sort(steps)[len(steps) // 2]
    long = np.flatnonzero(steps > _IRREGULAR * usual)
    if not len(long):
        return []
    first = show_time(times[long[0]])
    return [f"{len(long)} steps in time are longer than usual, the first after {first}: rows may be missing"]


def _usual_step(series: Series) -> str | None:
    """`7 days`, `1 hours`, or a plain number; None without times."""
    steps = np.sort(_steps(series)[0])
    if not len(steps):
        return None
    usual = steps[len(steps) // 2]
    if steps.dtype.kind == "f":
        return f"{usual:g}"
    seconds = usual / np.timedelta64(1, "s")
    unit, size = next(((name, size) for name, size in _UNITS if seconds % size == 0), ("seconds", 1))
    return f"{seconds / size:g} {unit}"


def _time(series: Series, split: str, *, last: bool) -> str:
    """The earliest or latest time of a split, or the row of its series."""
    rows = [part.spans[split].stop - 1 if last else part.spans[split].first for part in series.parts]
    if series.times is not None:
        return show_time((max if last else min)(series.times[rows]))
    counted = [row - part.first for row, part in zip(rows, series.parts, strict=True)]
    return f"row {(max if last else min)(counted) + 1}"
