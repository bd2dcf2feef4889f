"""Forecasts against what happened: at the longest lead, beside naive forecasts, and the error lead by lead.

Shapes: N windows, H horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.report.canvas import FAINT, MODEL, OTHERS, TRUTH, drawing, whole_numbers

Numbers = NDArray[np.float64]
_SHOWN = 600  # more points than this hide each other


@dataclass(frozen=True, eq=False)
class ForecastPicture:
    """What is drawn of one target.

    times: when each window's last predicted step lies [N], as ISO dates or numbers.  truth, prediction: [N H].
    naive: name to [N H].  unit: of the target, empty where unknown.
    """

    target: str
    times: Sequence[str | float]
    truth: Numbers
    prediction: Numbers
    naive: Mapping[str, Numbers]
    title: str = ""
    unit: str = ""
    low: Numbers | None = None  # [N H], the ends of an interval
    high: Numbers | None = None
    share: float = 0.0  # of the truths that the interval promises to hold


def forecast_plot(picture: ForecastPicture, path: Path) -> Path:
    """Write the picture; gives its path."""
    several = picture.truth.shape[1] > 1
    with drawing(path, 9.0, 6.0 if several else 3.8, (1.9, 1.0) if several else (1.0,)) as axes:
        _over_time(axes[0], picture)
        if several:
            _over_lead(axes[1], picture)
    return path


def mean_absolute_errors(picture: ForecastPicture) -> dict[str, Numbers]:
    """Mean absolute error of each forecast by lead: {"model": [H], name: [H]}."""
    forecasts = {"model": picture.prediction, **picture.naive}
    return {name: np.abs(values - picture.truth).mean(axis=0) for name, values in forecasts.items()}


def _over_time(axes: Any, picture: ForecastPicture) -> None:
    windows, horizon = picture.truth.shape
    shown = slice(max(0, windows - _SHOWN), windows)
    times = _axis(picture.times)[shown]
    axes.plot(times, picture.truth[shown, -1], color=TRUTH, label="measured")
    errors = {name: float(values[-1]) for name, values in mean_absolute_errors(picture).items()}
    naive = min(picture.naive, key=lambda name: errors[name], default=None)
    if naive is not None:
        label = f"{naive} (best naive forecast), mean |error| {errors[naive]:.3g}"
        axes.plot(times, picture.naive[naive][shown, -1], color=OTHERS[0], linestyle="--", linewidth=1.2, label=label)
    label = f"model, mean |error| {errors['model']:.3g}"
    axes.plot(times, picture.prediction[shown, -1], color=MODEL, label=label)
    if picture.low is not None and picture.high is not None:
        low, high = picture.low[shown, -1], picture.high[shown, -1]
        inside = float(np.mean((picture.truth >= picture.low) & (picture.truth <= picture.high)))
        band = f"{picture.share:.0%} interval, which held {inside:.0%} of all"
        axes.fill_between(times, low, high, color=MODEL, alpha=0.2, linewidth=0, label=band)
    steps = "1 step" if horizon == 1 else f"{horizon} steps"
    part = f"last {_SHOWN} of {windows} windows" if windows > _SHOWN else f"{windows} windows"
    lines = [picture.title, f"test data, {part}: each point was forecast {steps} ahead"]
    axes.set_title("\n".join(line for line in lines if line))
    axes.set_xlabel("" if times.dtype.kind == "M" else "time")
    axes.set_ylabel(f"{picture.target} [{picture.unit}]" if picture.unit else picture.target)
    axes.margins(x=0.01, y=0.14)  # room for the legend
    axes.legend(loc="best")


def _over_lead(axes: Any, picture: ForecastPicture) -> None:
    errors = mean_absolute_errors(picture)
    leads = np.arange(1, picture.truth.shape[1] + 1)
    for (name, values), color in zip(list(errors.items())[1:], [*OTHERS, *[FAINT] * len(errors)], strict=False):
        axes.plot(leads, values, color=color, linestyle="--", marker=".", linewidth=1.2, label=name)
    axes.plot(leads, errors["model"], color=MODEL, marker="o", markersize=4, label="model")
    axes.set_xlabel("steps ahead")
    axes.set_ylabel("mean |error|" + (f" [{picture.unit}]" if picture.unit else ""))
    axes.set_ylim(bottom=0)
    whole_numbers(axes.xaxis)
    axes.margins(x=0.02)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(errors))  # above: curves may be anywhere


def _axis(times: Sequence[str | float]) -> NDArray[Any]:
    """Numbers where all of them are numbers, else dates where all of them are dates, else their positions."""
    for kind in ("float64", "datetime64[s]"):
        try:
            return np.array(times).astype(kind)
        except ValueError:
            continue
    return np.arange(len(times), dtype=np.float64)
