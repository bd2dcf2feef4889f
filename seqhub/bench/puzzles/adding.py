"""Adding: two of many numbers are marked; answer their sum at the last step.

Hochreiter and Schmidhuber 1997, in the form of Le et al. 2015, arXiv:1504.00941: numbers uniform in [0, 1], one mark in
each half. Always answering 1 has the mean squared error of a sum of two such numbers, 2/12 = 0.1667; papers often print
the 0.1767 that one of them measured.
"""

from __future__ import annotations

import numpy as np

from seqhub.bench.puzzles.base import Puzzle, Sample, nowhere


class Adding(Puzzle):
    """x [B T 2]: the number, and 1 where it is marked."""

    name = "adding"
    source = "arXiv:1504.00941"
    metric = "mse"

    @property
    def columns(self) -> int:
        return 2

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Sample:
        numbers = rng.random((batch, length)).astype(np.float32)
        half, rows = length // 2, np.arange(batch)
        first, second = rng.integers(0, half, batch), rng.integers(half, length, batch)
        marks = np.zeros((batch, length), dtype=np.float32)
        marks[rows, first] = marks[rows, second] = 1
        target = np.zeros((batch, length), dtype=np.float32)
        target[:, -1] = numbers[rows, first] + numbers[rows, second]
        last = nowhere(batch, length)
        last[:, -1] = True
        return Sample(np.stack((numbers, marks), axis=-1), target, last, last)

    def naive(self, length: int) -> float:
        return 1 / 6
