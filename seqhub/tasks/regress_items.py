"""Items of regression: windows that begin elsewhere in every epoch for training, whole recordings for scoring.

A window may be turned: vectors (x, y) become (x cos a - y sin a, x sin a + y cos a), all of a window by one angle a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqhub.data.batch import Item, Items
from seqhub.data.nearest import nearest
from seqhub.errors import DataError
from seqhub.tasks.measured import Recording


@dataclass(frozen=True)
class Turned:
    """Pairs of columns, among the features and among the targets, that hold a vector's x and y."""

    x: tuple[tuple[int, int], ...] = ()
    y: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, names: Sequence[str], features: Sequence[str], targets: Sequence[str]) -> Turned:
        """DataError E307 where a vector's columns are not both read, or both answered."""
        found: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        for name in names:
            pair = (f"{name} x", f"{name} y")
            columns = next((known for known in (features, targets) if all(one in known for one in pair)), None)
            if columns is None:
                fix = nearest(pair[0], [*features, *targets], "columns")
                raise DataError(f"task.turn: {' and '.join(pair)} are not columns of one side", code="E307", fix=fix)
            found[columns is features].append((columns.index(pair[0]), columns.index(pair[1])))
        return cls(tuple(found[True]), tuple(found[False]))


class Pieces(Items):
    """Item i: x [T D] of a recording, or of a window of one, target [T K], NaN where a step is not scored.

    window: steps of an item; None: whole recordings. A recording that is shorter is one item. The windows of a
    recording lie `stride` apart; the first begins where (seed, epoch, recording) say, so that in the course of training
    every step stands at every place of a window.

    turned: where the columns of vectors stand; (seed, epoch, item) say by what angle they are turned.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        burn_in: int,
        *,
        window: int | None = None,
        stride: int | None = None,
        turned: Turned | None = None,
        seed: int = 0,
    ) -> None:
        self.seed, self.turned = seed, turned or Turned()
        self.window, self.stride = window, stride or window or 1
        self._x = [r.x.astype(np.float32) for r in recordings]
        self._y = [r.y.astype(np.float32) for r in recordings]
        self.burn_in = burn_in
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """From now on items are those of this epoch; there are as many in every one."""
        self.epoch = epoch
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
        target = torch.from_numpy(self._y[number][first : first + steps].copy())
        target[: self.burn_in] = torch.nan
        x = torch.from_numpy(self._x[number][first : first + steps])
        if self.turned.x or self.turned.y:
            angle = float(np.random.default_rng([self.seed, self.epoch, index]).uniform(0, 2 * math.pi))
            x, target = turn(x, self.turned.x, angle), turn(target, self.turned.y, angle)
        return Item(x, target, torch.tensor(index))


def turn(values: Tensor, vectors: Sequence[tuple[int, int]], angle: float) -> Tensor:
    """values [T D] with the vectors in these pairs of columns turned by an angle."""
    turned, cos, sin = values.clone(), math.cos(angle), math.sin(angle)
    for i, j in vectors:
        turned[:, i] = cos * values[:, i] - sin * values[:, j]
        turned[:, j] = sin * values[:, i] + cos * values[:, j]
    return turned
