"""Items of regression: windows that begin elsewhere in every epoch for training, whole recordings for scoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from seqhub.data.batch import Item, Items
from seqhub.tasks.measured import Recording


class Pieces(Items):
    """Item i: x [T D] of a recording, or of a window of one, target [T K], NaN where a step is not scored.

    window: steps of an item; None: whole recordings. A recording that is shorter is one item. The windows of a
    recording lie `stride` apart; the first begins where (seed, epoch, recording) say, so that in the course of training
    every step stands at every place of a window.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        burn_in: int,
        *,
        window: int | None = None,
        stride: int | None = None,
        seed: int = 0,
    ) -> None:
        self.recordings, self.seed = recordings, seed
        self.window, self.stride = window, stride or window or 1
        self._x = [torch.from_numpy(np.ascontiguousarray(r.x)).float() for r in recordings]
        self._y = [torch.from_numpy(np.array(r.y)).float() for r in recordings]
        self.burn_in = burn_in
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """From now on items are those of this epoch; there are as many in every one."""
        self.places: list[tuple[int, int, int]] = []  # recording, first step, steps
        for number, x in enumerate(self._x):
            window = min(self.window or len(x), len(x))
            free = len(x) - window
            count = max(1, free // self.stride)  # one less than would fit, so that the first may begin anywhere
            slack = free - (count - 1) * self.stride
            draw = np.random.default_rng([self.seed, epoch, number])
            first = int(draw.integers(0, slack + 1)) if self.window else 0
            self.places += [(number, first + i * self.stride, window) for i in range(count)]

    def __len__(self) -> int:
        return len(self.places)

    def lengths(self) -> list[int]:
        """Steps of each item."""
        return [steps for _, _, steps in self.places]

    def __getitem__(self, index: int) -> Item:
        number, first, steps = self.places[index]
        target = self._y[number][first : first + steps].clone()
        target[: self.burn_in] = torch.nan
        return Item(self._x[number][first : first + steps], target, torch.tensor(index))
