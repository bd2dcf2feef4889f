"""Windows over a series, as views: an item is two slices, and a million windows cost no more than the series.

A window that ends at row t reads rows t - lookback + 1 .. t and is scored on rows t + 1 .. t + horizon. It belongs to
the split that holds all its targets. So train sees nothing later than its own rows, and no row is scored in two splits,
while a window of a later split may look back over the border: at that moment the past was known.

Shapes: N rows, L lookback, H horizon, D features, K targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqhub.data.batch import Item, Items
from seqhub.data.splits import Span


def window_ends(span: Span, lookback: int, horizon: int, stride: int = 1) -> range:
    """The last input row of every window whose targets lie in `span`; with a stride, counted back from the latest."""
    first = max(span.first - 1, lookback - 1)
    last = span.stop - 1 - horizon
    first += max(0, last - first) % stride
    return range(first, last + 1, stride)


class WindowDataset(Items):
    """Item i: x [L D], target [H K]; with `every_step`, target [L H K], one for each step of the window.

    series: [N D] with the K targets as its first columns.  begins: the first row of each window's own series, where
    several stand one behind the other.
    """

    def __init__(
        self,
        series: Tensor,
        ends: Sequence[int],
        *,
        lookback: int,
        horizon: int,
        targets: int,
        every_step: bool = False,
        begins: Sequence[int] | None = None,
    ) -> None:
        self.series = series
        self.ends = ends
        self.begins = [0] * len(ends) if begins is None else begins
        self.lookback = lookback
        self.horizon = horizon
        self.targets = targets
        self.every_step = every_step

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> Item:
        end = self.ends[index]
        x = self.series[end + 1 - self.lookback : end + 1]
        first = end + 2 - self.lookback if self.every_step else end + 1
        target = self.series[first : end + 1 + self.horizon, : self.targets]
        if self.every_step:
            target = target.unfold(0, self.horizon, 1).transpose(1, 2)  # [L+H-1 K] -> [L K H] -> [L H K], a view
        return Item(x, target, torch.tensor(index))
