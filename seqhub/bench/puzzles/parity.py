"""Parity: is the number of ones so far odd? The smallest problem that a state which can only decay cannot track.

    target_t = x_1 xor ... xor x_t

Every prefix is learnt; the last alone is scored, since the parity of a few bits can be guessed without a state. Merrill
et al. 2024, arXiv:2404.08819, and Beck et al. 2024, arXiv:2405.04517, say which layers cannot solve it at all lengths.
"""

from __future__ import annotations

import numpy as np

from seqhub.bench.puzzles.base import Puzzle, Sample, nowhere


class Parity(Puzzle):
    """x [B T]: bits."""

    name = "parity"
    source = "arXiv:2405.04517"
    longer = True

    @property
    def tokens(self) -> int:
        return 2

    @property
    def classes(self) -> int:
        return 2

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Sample:
        bits = rng.integers(0, 2, (batch, length))
        last = nowhere(batch, length)
        last[:, -1] = True
        return Sample(bits, np.bitwise_xor.accumulate(bits, axis=1), np.ones_like(last), last)
