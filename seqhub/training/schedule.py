"""The learning rate as a function of the step, so that a resumed run finds the very rate that it left.

    rate(step) = lr * min(1, (step + 1) / warmup) * shape(step) * drops

shape is 1 (constant, plateau), factor^(epoch // every) (step), or floor + (1 - floor) * (1 + cos(pi * p)) / 2 (cosine),
with p from 0 after the warm-up to 1 after the last step. `drops`, the only state, is what a plateau has multiplied the
rate by so far.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from seqhub.recipe.sections import Cosine, Plateau, Schedule, Step


class LearningRate:
    """The rate of each step; told the monitored number after each epoch.

    steps_per_epoch, steps: optimizer steps in one epoch and in all.  mode: which way the monitored number improves.
    """

    def __init__(
        self, schedule: Schedule, lr: float, *, steps_per_epoch: int, steps: int, mode: Literal["min", "max"] = "min"
    ) -> None:
        self.schedule = schedule
        self.lr = lr
        self.steps_per_epoch = steps_per_epoch
        self.steps = steps
        self.sign = 1.0 if mode == "min" else -1.0
        self.drops = 1.0
        self.best = math.inf
        self.stale = 0

    def rate(self, step: int) -> float:
        """The learning rate of optimizer step `step`, counted from 0."""
        warmup = self.schedule.warmup
        ramp = min(1.0, (step + 1) / warmup) if warmup else 1.0
        return self.lr * ramp * self._shape(step) * self.drops

    def _shape(self, step: int) -> float:
        match self.schedule:
            case Cosine(warmup=warmup, floor=floor):
                share = min(1.0, max(0, step - warmup) / max(1, self.steps - warmup))
                return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2
            case Step(every=every, factor=factor):
                return float(factor ** (step // self.steps_per_epoch // every))
            case _:
                return 1.0

    def epoch_ended(self, monitored: float) -> None:
        """Let a plateau lower the rate: after more than `patience` epochs in a row without improvement."""
        if not isinstance(self.schedule, Plateau):
            return
        if self.sign * monitored < self.best:
            self.best, self.stale = self.sign * monitored, 0
            return
        self.stale += 1
        if self.stale > self.schedule.patience:
            self.drops, self.stale = self.drops * self.schedule.factor, 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"drops": self.drops, "best": self.best, "stale": self.stale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.drops, self.best, self.stale = state["drops"], state["best"], state["stale"]
