"""Options of the task `classify`, and what all tasks over labelled items share. No numpy, no torch."""

from __future__ import annotations

import re
from typing import Literal

from seqhub.api import Config, config, option
from seqhub.tasks.configs import Problems, Split

Pool = Literal["last", "mean", "max"]


@config
class ItemSplit(Split):
    """Shares of the items, drawn at random; or the test items by name."""

    valid: float = option(
        default=0.1, help="share that picks the best epoch; 0: none, the training loss picks it", ge=0, lt=1
    )
    held_out: str | None = option(
        default=None, help="regular expression: items in whose name it is found are the test items; `test` draws none"
    )

    def problems(self, width: int) -> Problems:
        if self.held_out is not None:
            try:
                re.compile(self.held_out)
            except re.error as error:
                return [("held_out", f"{self.held_out!r} is no regular expression: {error}", r"as in '_[0-4]\.wav$'")]
        return super().problems(width)


@config
class Spoilt(Config):
    """What is done to training sequences at random, anew in every epoch."""

    speed: float = option(
        0.0, help="training sequences are played faster or slower at random, by this share at most", ge=0, lt=0.5
    )
    noise: float = option(
        0.0, help="noise added to training sequences, per standard deviation of the sequence, at most", ge=0
    )
    gain: float = option(
        0.0, help="training sequences are made larger or smaller around train's mean, by this share at most", ge=0, lt=1
    )


@config
class ClassifyConfig(Spoilt):
    """Give a whole sequence one label."""

    pool: Pool = option("last", help="how the steps become one answer")
    label_smoothing: float = option(0.0, help="probability that is spread over all labels in the loss", ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = option(
        "none", help="balanced: in the loss every label weighs the same in all, however rare it is"
    )
    bucket: bool = option(False, help="sequences of like length share a batch, so that little is padded")


@config
class Folds(Config):
    """Cross-validation, one fold a run."""

    folds: int | None = option(
        None, help="cut the data into this many parts, and test on part `fold` instead of split.test", ge=2
    )
    fold: int = option(0, help="which part is for the final numbers, from 0", ge=0)

    def problems(self, width: int) -> Problems:
        if self.folds is None or self.fold < self.folds:
            return []
        return [("fold", f"there are {self.folds} folds, from 0", f"use at most {self.folds - 1}")]


@config
class ClassifyData(Folds):
    """Labelled sequences: of a source that gives them, rows of a table grouped by a column, or windows of its rows."""

    sequence: str | None = option(None, help="column that tells sequences apart, for tables")
    window: int | None = option(
        None,
        help="for tables without such a column: the last steps up to a row, which tell that row's label; the rows are "
        "split by time",
        ge=2,
        unit="steps",
    )
    stride: int = option(1, help="steps between two training windows; other splits score every row", ge=1, unit="steps")
    label: str | None = option(None, help="column of labels; needed for tables")
    time: str | None = option(None, help="column of times, checked to increase in each sequence")
    features: tuple[str, ...] = option((), help="columns that are read; empty: all others")
    labels: tuple[str, ...] = option((), help="every label, in the order of the outputs; empty: those found, sorted")
    missing: Literal["error", "interpolate", "previous"] = option(
        "error", help="missing values: refuse them, fill them by a straight line, or repeat the value before"
    )
    clip: float | None = option(
        None,
        help="inside the model, values further than this from the mean are cut there; mean and deviation are then of "
        "train's values within as many robust deviations of its median; null: no cutting",
        gt=0,
        unit="standard deviations",
    )
    crop: int | None = option(
        None, help="keep a random number of first steps of each sequence, at least this many", ge=1, unit="steps"
    )
    split: ItemSplit = option(ItemSplit(), help="shares of the sequences, drawn at random, the same of every label")

    def problems(self, width: int) -> Problems:
        found = super().problems(width)
        again = next((name for i, name in enumerate(self.labels) if name in self.labels[:i]), None)
        if again is not None:
            found.append(("labels", f"label {again!r} is named twice", "name each label once"))
        if len(self.labels) == 1:
            found.append(("labels", "one label leaves nothing to learn", "name two or more, or leave labels out"))
        for name in ("sequence", "folds", "crop"):
            if self.window is not None and getattr(self, name) is not None:
                found.append(
                    (name, f"window cuts rows by time, {name} does not go with it", f"remove {name} or window")
                )
        if self.window is None and self.stride != 1:
            found.append(("stride", "stride is the distance between windows", "set window, or remove stride"))
        return found

    def only_for_tables(self) -> list[str]:
        """The options in use that name columns."""
        return [name for name in ("sequence", "window", "label", "time", "features") if getattr(self, name)]
