"""A text as parallel streams for stateful truncated backpropagation, each chunk named by one number.

`size` rows read the text side by side, each its own consecutive part of it, `bptt` steps a batch; from the second batch
on a row goes on in the state that it left. An item's index says first target, steps and carry, so an item depends on
nothing else: not on the epoch, nor on what was read before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, overload

import numpy as np
import torch

from seqhub.data.batch import Item, Items
from seqhub.data.splits import Span
from seqhub.data.token_file import TokenFile

_STEPS = 1 << 20  # an index has 20 bits for the steps, one for carry, and 42 for the position: 4 trillion tokens


class Chunk(NamedTuple):
    """Targets at positions first to first + steps - 1 of the token file; each is predicted from those before it."""

    first: int
    steps: int
    carry: bool

    @property
    def number(self) -> int:
        """All three in one number; chunks are ordered by it as they are in the text."""
        return (self.first * _STEPS + self.steps) * 2 + self.carry


def chunk_of(index: int) -> Chunk:
    """The inverse of `Chunk.number`."""
    rest, carry = divmod(index, 2)
    return Chunk(*divmod(rest, _STEPS), bool(carry))


class Batches(Sequence[list[int]]):
    """Batch i of rows that start at `starts`, and read steps borders[i] to borders[i + 1]; row r ends at ends[r].

    fresh: batch 0 begins in a fresh state.
    """

    def __init__(
        self, starts: Sequence[int], ends: Sequence[int], borders: Sequence[int], *, fresh: bool = True
    ) -> None:
        self.starts, self.ends, self.borders, self.fresh = starts, ends, borders, fresh

    def __len__(self) -> int:
        return len(self.borders) - 1

    @overload
    def __getitem__(self, item: int) -> list[int]: ...

    @overload
    def __getitem__(self, item: slice) -> Batches: ...

    def __getitem__(self, item: int | slice) -> list[int] | Batches:
        if isinstance(item, slice):
            first, stop, _ = item.indices(len(self))
            borders = self.borders[first : max(first, stop) + 1]
            return Batches(self.starts, self.ends, borders, fresh=self.fresh and first == 0)
        item = range(len(self))[item]
        low, high = self.borders[item], self.borders[item + 1]
        rows = zip(self.starts, self.ends, strict=True)
        return [
            Chunk(min(start + low, end), max(0, min(high, end - start) - low), item > 0 or not self.fresh).number
            for start, end in rows
        ]


def training_batches(targets: Span, rows: int, bptt: int, jitter: float, *, epoch: int, seed: int) -> Batches:
    """Rows of equal length. The remainder that is left out is another one in each epoch, since the first row begins at
    a random position; every epoch has as many batches.
    """
    rows = min(rows, len(targets))
    steps = min(bptt, len(targets) // rows)
    count = max(1, (len(targets) - steps) // (rows * steps))
    draw = np.random.default_rng([seed, epoch])
    first = targets.first + int(draw.integers(0, len(targets) - count * rows * steps + 1))
    borders = np.arange(count + 1) * steps
    widest = int(jitter * (steps - 1) / 2)
    borders[1:-1] += draw.integers(-widest, widest + 1, max(0, count - 1))
    length = count * steps
    starts = [first + row * length for row in range(rows)]
    return Batches(starts, [start + length for start in starts], borders.tolist())


def scoring_batches(targets: Span, rows: int, bptt: int) -> Batches:
    """Rows whose lengths differ by one at most: every target is in exactly one chunk."""
    rows = min(rows, len(targets))
    cuts = [targets.first + len(targets) * row // rows for row in range(rows + 1)]
    longest = max(stop - start for start, stop in pairwise(cuts))
    borders = [*range(0, longest, bptt), longest]
    return Batches(cuts[:-1], cuts[1:], borders)


class Chunks(Items):
    """Items by the index of their chunk: x [T 1] ids, target [T] ids."""

    def __init__(self, file: TokenFile, targets: Span) -> None:
        self.file, self.targets = file, targets

    def __len__(self) -> int:
        """Targets in the split, each of which is a possible start."""
        return len(self.targets)

    def __getitem__(self, index: int) -> Item:
        chunk = chunk_of(index)
        ids = torch.from_numpy(self.file.read(chunk.first - 1, chunk.first + chunk.steps))
        return Item(ids[:-1, None], ids[1:], torch.tensor(index), chunk.carry)
