"""Multi-query associative recall (MQAR): keys with their values first, then each key once more; answer its value.

Arora et al. 2023, arXiv:2312.04927. Keys and values are drawn from vocabularies twice as large as the number of pairs;
the keys of a sequence differ, its values may repeat. Differs from the paper: the queries stand at random places
after the pairs, every one as likely (there, sooner is likelier), with blanks between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqhub.bench.puzzles.base import Puzzle, Sample, nowhere, random_places


@dataclass(frozen=True)
class Recall(Puzzle):
    """x [B T]: k1 v1 k2 v2 ..., then blanks and the keys in random order. Keys come first in the vocabulary."""

    pairs: int

    name = "mqar"
    source = "arXiv:2312.04927"

    @property
    def keys(self) -> int:
        return 2 * self.pairs

    @property
    def tokens(self) -> int:
        return 2 * self.keys + 1

    @property
    def classes(self) -> int:
        return self.keys

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Sample:
        pairs, stored = self.pairs, 2 * self.pairs
        keys = rng.random((batch, self.keys)).argsort(axis=1)[:, :pairs].astype(np.int64)
        values = rng.integers(0, self.classes, (batch, pairs))
        x = np.full((batch, length), self.tokens - 1, dtype=np.int64)
        x[:, 0:stored:2], x[:, 1:stored:2] = keys, values + self.keys
        places = stored + random_places(rng, batch, length - stored, pairs)
        order = rng.random((batch, pairs)).argsort(axis=1)
        np.put_along_axis(x, places, np.take_along_axis(keys, order, axis=1), axis=1)
        target, asked = np.zeros_like(x), nowhere(batch, length)
        np.put_along_axis(target, places, np.take_along_axis(values, order, axis=1), axis=1)
        np.put_along_axis(asked, places, True, axis=1)
        return Sample(x, target, asked, asked)

    def naive(self, length: int) -> float:
        """One of the values that were seen, whichever key is asked: right by its place, or by a repeated value."""
        return 1 / self.pairs + (1 - 1 / self.pairs) / self.classes

    def least_length(self) -> int:
        return 3 * self.pairs
