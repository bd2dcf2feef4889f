"""Options of the task `regress`, under `task` and `data` in a recipe. No numpy, no torch."""

from __future__ import annotations

from typing import Literal

from seqhub.api import Config, Geometry, Use, config, option, use
from seqhub.tasks.configs import Problems
from seqhub.tasks.configs_classify import ItemSplit


@config
class RegressConfig(Config):
    """Answer every step of a recording with numbers."""

    loss: Use | str = use("loss", "mse", on="numbers", help="what is minimised, in standard units")
    metrics: tuple[Use | str, ...] = use("metric", (), on="numbers", help="numbers to score beside the task's own")
    window: int | None = option(
        None,
        help="training reads pieces of this length, each from a fresh state; null: whole recordings. Whole ones are "
        "scored in any case",
        ge=2,
        unit="steps",
    )
    stride: int | None = option(
        None,
        help="steps between two training windows; null: a window's length. Where the first begins is drawn anew in "
        "every epoch",
        ge=1,
        unit="steps",
    )
    burn_in: int = option(
        0, help="first steps of a window or recording that no loss and no score looks at", ge=0, unit="steps"
    )
    turn: tuple[str, ...] = option(
        (),
        help="vectors in a sensor's axes, each in columns `NAME x` and `NAME y`: every training window is turned about "
        "z by a random angle, as if the sensor had been mounted so",
    )
    history: int = option(16, help="steps that the linear baseline reads, up to the current one", ge=1, unit="steps")

    def problems(self, width: int) -> Problems:
        found: Problems = []
        if self.window is not None and self.burn_in >= self.window:
            what = f"burn_in {self.burn_in} leaves nothing of a window of {self.window} steps to learn from"
            found.append(("burn_in", what, f"use at most {self.window - 1}"))
        if self.window is None and self.stride is not None:
            found.append(("stride", "stride is the distance between windows", "set window, or remove stride"))
        return found

    def model_problems(self, geometry: Geometry) -> Problems:
        """What does not go with a model of this geometry."""
        if geometry.ratio == 1:
            return []
        what = f"regress needs one output per step; this model gives {geometry.ratio} of one"
        return [("window", what, "use stride: 1 in every block, or put slow blocks inside a resample")]


@config
class RegressSplit(ItemSplit):
    """Shares of the recordings, drawn at random, or of the time of each; or the test recordings by name."""

    by: Literal["auto", "recordings", "time"] = option(
        default="auto",
        help="what is split: whole recordings, or the steps of each, the earliest train and the latest test; auto: "
        "time where there are fewer than three recordings",
    )

    def problems(self, width: int) -> Problems:
        found = super().problems(width)
        if self.held_out is not None and self.by == "time":
            what = "held_out names whole recordings, but by: time cuts every one of them"
            found.append(("held_out", what, "remove one of them"))
        return found


@config
class RegressData(Config):
    """Recordings: rows of a table in the order of time, or sequences whose columns have names."""

    target: tuple[str, ...] = option(help="columns that are answered")
    features: tuple[str, ...] = option((), help="columns that are read; empty: all but those named elsewhere")
    sequence: str | None = option(None, help="column that tells recordings apart, for tables; null: the rows are one")
    time: str | None = option(None, help="column of times, for tables; checked to increase in each recording")
    missing: Literal["error", "skip"] = option(
        "error", help="steps without a target: refuse them, or leave them out of the loss and the scores"
    )
    scored: str | None = option(
        None, help="column that is not 0 in the steps that are scored; the others are read, no score looks at them"
    )
    beside: tuple[str, ...] = option(
        (),
        help="other methods whose answers are in columns `NAME TARGET`; they are scored beside the model, never read",
    )
    anchor: tuple[str, ...] = option(
        (),
        help="columns that are read, one for each target, to which the model adds its answer: it learns what another "
        "method leaves over",
    )
    split: RegressSplit = option(RegressSplit(), help="which recordings, or steps, train and test")

    def problems(self, width: int) -> Problems:
        if not self.target:
            return [("target", "no column is answered", "name at least one column, as in target: [speed]")]
        named = [*self.target, *self.features, *(n for n in (self.sequence, self.time, self.scored) if n)]
        again = next((name for i, name in enumerate(named) if name in named[:i]), None)
        if again is None:
            return self._anchor_problems()
        field = "target" if again in self.target[1:] else "features"
        return [(field, f"column {again!r} is named twice", "name it once: what is answered cannot be read")]

    def _anchor_problems(self) -> Problems:
        if self.anchor and len(self.anchor) != len(self.target):
            what = f"{len(self.anchor)} columns are the anchor of {len(self.target)} targets"
            return [("anchor", what, "name one column for each target, in their order")]
        strange = next((name for name in self.anchor if self.features and name not in self.features), None)
        if strange is None:
            return []
        return [("anchor", f"column {strange!r} is not read", "add it to features")]

    def rivals(self) -> dict[str, tuple[str, ...]]:
        """The columns of each of the other methods, target by target."""
        return {name: tuple(f"{name} {target}" for target in self.target) for name in self.beside}
