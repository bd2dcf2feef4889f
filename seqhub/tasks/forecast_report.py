"""What a series looks like before a model sees it: `seqhub data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.data.columns import show_time
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
    for split, span in series.spans.items():
        rows = slice(span.first, span.stop)
        splits.append(
            {
                "split": split,
                "rows": len(span),
                "windows": windows[split],
                "first": _time(series, span.first),
                "last": _time(series, span.stop - 1),
                "filled": int(series.filled[rows].any(axis=1).sum()),
            }
        )
    return {
        "task": "forecast",
        "source": series.origin,
        "rows": len(series.values),
        "step": _usual_step(series.times),
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
    if series.times is not None:
        found += _missing_rows(series.times)
    test = series.spans["test"]
    for index, name in enumerate(series.features[: series.targets]):
        values, train = series.values[test.first : test.stop, index], series.train[:, index]
        outside = float(np.mean((values < train.min()) | (values > train.max())))
        if outside >= _DRIFT and (options.anchor == "none" or options.inputs == "level"):
            found.append(
                f"{outside:.0%} of the test values of {name!r} lie outside the range of train:"
                " use inputs: difference and anchor: last, so that the model need not extrapolate"
            )
    filled = int(series.filled[test.first : test.stop, : series.targets].sum())
    if filled:
        found.append(f"{filled} target values of test were filled (missing: {data.missing}) and are scored as if true")
    return found


def _missing_rows(times: NDArray[Any]) -> list[str]:
    steps = np.diff(times)
    usual = np.median(steps) if steps.dtype.kind == "f" else np.sort(steps)[len(steps) // 2]
    long = np.flatnonzero(steps > _IRREGULAR * usual)
    if not len(long):
        return []
    first = show_time(times[long[0]])
    return [f"{len(long)} steps in time are longer than usual, the first after {first}: rows may be missing"]


def _usual_step(times: NDArray[Any] | None) -> str | None:
    """`7 days`, `1 hours`, or a plain number; None without times."""
    if times is None or len(times) < 2:
        return None
    steps = np.sort(np.diff(times))
    usual = steps[len(steps) // 2]
    if steps.dtype.kind == "f":
        return f"{usual:g}"
    seconds = usual / np.timedelta64(1, "s")
    unit, size = next(((name, size) for name, size in _UNITS if seconds % size == 0), ("seconds", 1))
    return f"{seconds / size:g} {unit}"


def _time(series: Series, row: int) -> str:
    return show_time(series.times[row]) if series.times is not None else f"row {row + 1}"
