"""Options of the tasks, under `task` and `data` in a recipe. No numpy, no torch."""

from __future__ import annotations

from typing import Literal

from seqhub.api import Config, Geometry, Use, config, option, use

Problems = list[tuple[str, str, str]]  # field, message, fix


@config
class Split(Config):
    """Shares of the data; the rest is for training."""

    valid: float = option(default=0.1, help="share that picks the best epoch", gt=0, lt=1)
    test: float = option(default=0.2, help="share that the final numbers come from", gt=0, lt=1)

    def problems(self, width: int) -> Problems:
        if self.valid + self.test < 1:
            return []
        return [("test", f"valid {self.valid:g} and test {self.test:g} leave nothing to train on", "lower one of them")]


@config
class ForecastConfig(Config):
    """Predict the next steps of a series from the last ones."""

    lookback: int = option(help="steps that a prediction is made from", ge=2, unit="steps")
    horizon: int = option(1, help="steps that are predicted at once", ge=1, unit="steps")
    loss: Use | str = use("loss", "mse", on="numbers", help="what is minimised, in standard units")
    metrics: tuple[Use | str, ...] = use("metric", (), on="numbers", help="numbers to score beside the task's own")
    inputs: Literal["level", "difference"] = option(
        "level", help="read the values, or their change since the step before (for a series with a trend)"
    )
    anchor: Literal["none", "last"] = option("none", help="predict the value, or its change from the last known one")
    supervise: Literal["last", "all"] = option(
        "last", help="train on the window's last step, or on every step of it (causal models only; more signal)"
    )
    stride: int = option(
        1, help="steps between two training windows; other splits always use every window", ge=1, unit="steps"
    )
    season: int | None = option(None, help="steps in a season, for the seasonal baselines and MASE", ge=2, unit="steps")

    def problems(self, width: int) -> Problems:
        if self.stride <= self.lookback:
            return []
        what = f"stride {self.stride} exceeds lookback {self.lookback}: rows between two windows are never read"
        return [("stride", what, f"use at most {self.lookback}")]

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
    time: str | None = option(None, help="column of times, checked to increase; null: the order of the rows is trusted")
    missing: Literal["error", "interpolate", "previous"] = option(
        "error", help="empty cells: refuse them, fill them by a straight line, or repeat the value before"
    )
    split: Split = option(Split(), help="shares of the rows, in the order of time")

    def problems(self, width: int) -> Problems:
        if not self.target:
            return [("target", "no column is predicted", "name at least one column, as in target: [co2]")]
        named = [*self.target, *self.covariates]
        again = next((name for i, name in enumerate(named) if name in named[:i]), None)
        if again is None:
            return []
        field = "covariates" if again in self.covariates else "target"
        return [(field, f"column {again!r} is named twice", "name it once; targets are read too")]
