"""Options of forecasting, under `task` and `data` in a recipe. No numpy, no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar, Literal

from seqhub.api import Config, Geometry, Use, config, option, use
from seqhub.tasks.configs import Problems

Output = Literal["point", "quantiles", "gaussian", "student", "negative-binomial"]
Calendar = Literal["hour", "weekday", "yearday"]
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_SPANS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}


@config
class SeriesSplit(Config):
    """Where a series is cut: shares of its rows, or numbers of rows; the earliest train, the latest test."""

    valid: float = option(default=0.1, help="share that picks the best epoch", gt=0, lt=1)
    test: float = option(default=0.2, help="share that the final numbers come from", gt=0, lt=1)
    rows: tuple[int, ...] = option(
        default=(), help="instead of shares: rows of train, valid and test, from the first on; later ones are not used"
    )
    folds: int = option(
        default=1, help="rolling origin: so many test parts of this size one after the other, the last at the end", ge=1
    )
    fold: int = option(
        default=0,
        help="which of the folds, from 0; the rows before it are for train and valid, later ones unused",
        ge=0,
    )

    def problems(self, width: int) -> Problems:
        found: Problems = []
        if self.rows and (len(self.rows) != 3 or min(self.rows) < 1):
            what = f"rows {list(self.rows)} are not three numbers of rows"
            return [("rows", what, "give rows of train, valid and test, as in rows: [8640, 2880, 2880]")]
        if self.rows and (self.valid, self.test) != (0.1, 0.2):
            found.append(("rows", "rows and shares are both given", "remove valid and test, or rows"))
        if self.rows and self.rows[0] <= self.rows[2] * (self.folds - 1):
            what = f"{self.folds} test parts of {self.rows[2]} rows leave nothing to train the first of them on"
            found.append(("folds", what, "use fewer folds"))
        if not self.rows and self.valid + self.test * self.folds >= 1:
            of = f" of {self.folds} folds" if self.folds > 1 else ""
            what = f"valid {self.valid:g} and test {self.test:g}{of} leave nothing to train on"
            found.append(("test", what, "lower one of them"))
        if self.fold >= self.folds:
            what = f"fold {self.fold} of {self.folds}: folds are counted from 0"
            found.append(("fold", what, f"use at most {self.folds - 1}, or more folds"))
        return found


@config
class ForecastConfig(Config):
    """Predict the next steps of a series from the last ones."""

    MORE_METRICS: ClassVar[Mapping[str, Literal["min", "max"]]] = {"crps": "min", "coverage": "max", "width": "min"}

    lookback: int = option(help="steps that a prediction is made from", ge=2, unit="steps")
    horizon: int = option(1, help="steps that are predicted at once", ge=1, unit="steps")
    loss: Use | str = use("loss", "mse", on="numbers", help="what is minimised, in standard units")
    loss_units: Literal["outputs", "columns"] = option(
        "outputs",
        help="the deviation in train that an error is divided by: each output's own, which of a change (anchor: last)"
        " is larger the further it lies ahead, or its column's, as the benchmarks of papers minimise",
    )
    metrics: tuple[Use | str, ...] = use("metric", (), on="numbers", help="numbers to score beside the task's own")
    inputs: Literal["level", "difference"] = option(
        "level", help="read the values, or their change since the step before (for a series with a trend)"
    )
    anchor: Literal["none", "last", "running"] = option(
        "none",
        help="predict the value, its change from the last known one, or how far it lies from the mean of the steps so"
        " far, in units of their deviation; running reads the targets so too (reversible instance normalisation)",
    )
    supervise: Literal["last", "all"] = option(
        "last", help="train on the window's last step, or on every step of it (causal models only; more signal)"
    )
    stride: int = option(
        1, help="steps between two training windows; other splits always use every window", ge=1, unit="steps"
    )
    season: int | None = option(None, help="steps in a season, for the seasonal baselines and MASE", ge=2, unit="steps")
    scores: Literal["raw", "standard"] = option(
        "raw", help="units of the metrics: the columns' own, or their standard deviations in train"
    )
    output: Output = option(
        "point",
        help="one number a step, quantiles of it, or the parameters of a distribution; all but point minimise a loss of"
        " their own: pinball, or the negative log-likelihood",
    )
    quantiles: tuple[float, ...] = option(LEVELS, help="which quantiles, rising, the median among them")
    interval: float = option(0.8, help="share of the central interval whose coverage is measured", gt=0, lt=1)

    def problems(self, width: int) -> Problems:
        found: Problems = []
        if self.stride > self.lookback:
            what = f"stride {self.stride} exceeds lookback {self.lookback}: rows between two windows are never read"
            found.append(("stride", what, f"use at most {self.lookback}"))
        if self.anchor == "running" and self.inputs == "difference":
            what = "anchor: running normalises the values, but inputs: difference reads their changes"
            found.append(("inputs", what, "use inputs: level, or anchor: last"))
        if self.output == "negative-binomial" and (self.anchor != "none" or self.inputs != "level"):
            what = "output: negative-binomial answers counts, which are no changes from another value"
            found.append(("output", what, "use anchor: none and inputs: level"))
        return found + self._output_problems()

    def _output_problems(self) -> Problems:
        if self.output == "point":
            return []
        found: Problems = []
        named = self.loss if isinstance(self.loss, str) else self.loss.spec.name
        if named != "mse":
            what = f"loss: {named}, but output: {self.output} has a loss of its own"
            found.append(("loss", what, "leave out loss, or use output: point"))
        if self.loss_units != "outputs":
            what = f"loss_units: {self.loss_units}, but output: {self.output} has a loss of its own"
            found.append(("loss_units", what, "leave it out, or use output: point"))
        levels = self.quantiles
        rising = all(a < b for a, b in pairwise(levels))
        if not rising or not levels or not 0 < levels[0] <= levels[-1] < 1 or 0.5 not in levels:
            what = f"quantiles {list(levels)} do not rise between 0 and 1 with the median 0.5 among them"
            found.append(("quantiles", what, "write them as in [0.1, 0.5, 0.9]"))
        elif self.output == "quantiles" and not all(_among(tail, levels) for tail in tails(self.interval)):
            low, high = tails(self.interval)
            what = f"interval {self.interval:g} lies between the quantiles {low:g} and {high:g}, which are not answered"
            found.append(("interval", what, f"add {low:g} and {high:g} to quantiles, or choose another interval"))
        return found

    def more_metrics(self) -> dict[str, Literal["min", "max"]]:
        """What only an answer with a spread is scored by."""
        return {} if self.output == "point" else dict(self.MORE_METRICS)

    def model_problems(self, geometry: Geometry) -> Problems:
        """What does not go with a model of this geometry."""
        found: Problems = []
        if self.supervise == "all" and not geometry.causal:
            what = "supervise: all needs a causal model: this one reads later steps, which hold the targets"
            found.append(("supervise", what, "use supervise: last, or causal blocks only"))
        elif self.supervise == "all" and geometry.ratio != 1:
            what = f"supervise: all needs one output per step; this model gives {geometry.ratio} of one"
            found.append(("supervise", what, "use supervise: last, or stride: 1 in every block"))
        if self.lookback % geometry.block:
            down = self.lookback - self.lookback % geometry.block
            near = f"{down} or {down + geometry.block}" if down else f"{geometry.block}"
            what = f"lookback {self.lookback} is no multiple of {geometry.block}, so the last steps would not be read"
            found.append(("lookback", what, f"use {near}, or smaller strides"))
        return found


@config
class ForecastData(Config):
    """Columns of a table whose rows are steps in time, oldest first."""

    target: tuple[str, ...] = option(help="columns that are predicted")
    covariates: tuple[str, ...] = option((), help="further columns that are read")
    known: tuple[str, ...] = option(
        (),
        help="columns that are known in advance, as holidays are: each step reads their values `horizon` steps later",
    )
    series: str | None = option(
        None, help="column that tells several series apart: windows lie in one of them, and each is split by time"
    )
    time: str | None = option(None, help="column of times, checked to increase; null: the order of the rows is trusted")
    missing: Literal["error", "interpolate", "previous"] = option(
        "error", help="empty cells: refuse them, fill them by a straight line, or repeat the value before"
    )
    calendar: tuple[Calendar, ...] = option(
        (), help="columns made of the time, a sine and a cosine each: hour of the day, day of the week, day of the year"
    )
    elapsed: str | None = option(
        None,
        help="for rows at uneven times: a column of the time since the row before in this unit, as in 1h, which "
        "layers of continuous time (cfc, ltc) read as their dt",
    )
    mask: bool = option(False, help="read beside each column whether its value was missing (1) or there (0)")
    order: Literal["check", "sort"] = option(
        "check", help="rows that are not in the order of time: refuse or sort them"
    )
    repeated: Literal["error", "first", "last", "mean"] = option(
        "error", help="several rows of one time: refuse them, keep one, or take the mean of their values"
    )
    step: str | None = option(
        None, help="time between two rows, as in 15min, 1h or 1d; rows that are missing become gaps, see missing"
    )
    split: SeriesSplit = option(SeriesSplit(), help="where the series is cut, in the order of time")

    def problems(self, width: int) -> Problems:
        if not self.target:
            return [("target", "no column is predicted", "name at least one column, as in target: [co2]")]
        needs = {"calendar": self.calendar, "order": self.order == "sort", "repeated": self.repeated != "error"}
        spans = {"step": self.step, "elapsed": self.elapsed}
        for field, used in {**needs, **{field: span is not None for field, span in spans.items()}}.items():
            if used and self.time is None:
                return [(field, f"{field} needs to know when each row was", "name the column of times: time: NAME")]
        for field, span in spans.items():
            if span is not None and step_seconds(span) is None:
                return [(field, f"{field} {span!r} is no span of time", "write it as in 10s, 15min, 1h, 1d or 1w")]
        if self.step is not None and self.elapsed is not None:
            return [("elapsed", "with step every row is as far from the one before", "give step or elapsed, not both")]
        if self.missing == "error" and (self.mask or self.step is not None):
            field, does = ("mask", "shows gaps") if self.mask else ("step", "makes gaps of missing rows")
            return [(field, f"{field} {does}, but missing: error refuses them", "set missing: interpolate or previous")]
        if len(set(self.calendar)) < len(self.calendar):
            return [("calendar", f"calendar {list(self.calendar)} names one twice", "name each once")]
        if any(name in self.target for name in self.known) or len(set(self.known)) < len(self.known):
            what = f"known {list(self.known)} names a target, or a column twice"
            return [("known", what, "name each column once that is known in advance")]
        named = [*self.target, *self.covariates, *([self.series] if self.series else [])]
        again = next((name for i, name in enumerate(named) if name in named[:i]), None)
        if again is None:
            return []
        field = "series" if again == self.series else "covariates" if again in self.covariates else "target"
        return [(field, f"column {again!r} is named twice", "name it once; targets are read too")]


def step_seconds(text: str) -> int | None:
    """Seconds of a span such as `15min`; None where it is none."""
    found = re.fullmatch(r"([1-9][0-9]*)(s|min|h|d|w)", text)
    return int(found[1]) * _SPANS[found[2]] if found else None


def tails(share: float) -> tuple[float, float]:
    """The quantiles between which the central `share` lies: 0.8 -> 0.1, 0.9."""
    return round((1 - share) / 2, 9), round((1 + share) / 2, 9)


def _among(level: float, levels: tuple[float, ...]) -> bool:
    return any(abs(level - other) < 1e-9 for other in levels)
