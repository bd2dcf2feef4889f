"""Copying: ten symbols of eight, to be repeated in order at the end.

* copy: the symbols stand at the start; a marker says when to begin. Hochreiter and Schmidhuber 1997, in the form of
  Arjovsky et al. 2016, arXiv:1511.06464. Its delay is length - 21 steps. A model without memory has the loss
  10 ln 8 / length over all steps; here the ten answers alone are learnt and scored, where it has ln 8 and 1/8 right.
* selective-copy: the symbols stand anywhere among blanks, so that when to store depends on what is seen. Jing et al.
  2019, arXiv:1706.02761 (denoising), in the form of Gu and Dao 2023, arXiv:2312.00752; a marker at each answer.
"""

from __future__ import annotations

import numpy as np

from seqhub.bench.puzzles.base import Ints, Puzzle, Sample, nowhere, random_places

SYMBOLS, COUNT = 8, 10
BLANK, MARKER = SYMBOLS, SYMBOLS + 1


class _Copying(Puzzle):
    @property
    def tokens(self) -> int:
        return SYMBOLS + 2

    @property
    def classes(self) -> int:
        return SYMBOLS

    def _sample(self, x: Ints, symbols: Ints) -> Sample:
        """The symbols [B 10] are the answers at the last ten steps."""
        target = np.zeros_like(x)
        target[:, -COUNT:] = symbols
        end = nowhere(*x.shape)
        end[:, -COUNT:] = True
        return Sample(x, target, end, end)


class Copy(_Copying):
    """x [B T]: ten symbols, blanks, the marker, ten blanks to answer at."""

    name = "copy"
    source = "arXiv:1511.06464"
    longer = True

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Sample:
        symbols = rng.integers(0, SYMBOLS, (batch, COUNT))
        x = np.full((batch, length), BLANK, dtype=np.int64)
        x[:, :COUNT] = symbols
        x[:, -COUNT - 1] = MARKER
        return self._sample(x, symbols)

    def least_length(self) -> int:
        return 2 * COUNT + 1


class SelectiveCopy(_Copying):
    """x [B T]: ten symbols at random places among blanks, then ten markers to answer at."""

    name = "selective-copy"
    source = "arXiv:2312.00752"

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Sample:
        symbols = rng.integers(0, SYMBOLS, (batch, COUNT))
        x = np.full((batch, length), BLANK, dtype=np.int64)
        x[:, -COUNT:] = MARKER
        np.put_along_axis(x, random_places(rng, batch, length - COUNT, COUNT), symbols, axis=1)
        return self._sample(x, symbols)

    def least_length(self) -> int:
        return 2 * COUNT
