"""Training sequences, spoilt a little at random: other speeds, other sizes, noise.

What is drawn depends on the generator alone, so an epoch can be begun again in its middle. Shapes: T steps, D columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqhub.data.table import Numbers
from seqhub.tasks.configs_classify import Spoilt


@dataclass(frozen=True)
class Spoiler:
    """speed, noise, gain: as in `Spoilt`.  centre: [D] what `gain` leaves where it is."""

    speed: float = 0.0
    noise: float = 0.0
    gain: float = 0.0
    centre: Sequence[float] = ()

    @classmethod
    def of(cls, options: Spoilt, centre: Sequence[float]) -> Spoiler:
        return cls(options.speed, options.noise, options.gain, centre)

    def __bool__(self) -> bool:
        return bool(self.speed or self.noise or self.gain)

    def __call__(self, x: Numbers, draw: np.random.Generator) -> Numbers:
        """x [T D] -> [T' D]; T' between T / (1 + speed) and T / (1 - speed), linearly interpolated."""
        if self.speed:
            length = max(1, round(len(x) / draw.uniform(1 - self.speed, 1 + self.speed)))
            at = np.linspace(0, len(x) - 1, length)
            x = np.stack([np.interp(at, np.arange(len(x)), column) for column in x.T], axis=1)
        if self.gain:
            centre = np.asarray(self.centre)
            x = centre + (x - centre) * draw.uniform(1 - self.gain, 1 + self.gain)
        if self.noise:
            x = x + draw.uniform(0, self.noise) * x.std(axis=0) * draw.standard_normal(x.shape)
        return x

    def shortest(self, steps: int) -> int:
        """Steps that a sequence has at least, however fast it is played."""
        return max(1, round(steps / (1 + self.speed)))
