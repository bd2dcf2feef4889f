"""What counting says of the next token: the baselines of a language model.

    P(w | h) = (c(h w) + t(h) P(w | h')) / (c(h) + t(h))        Witten and Bell 1991, doi:10.1109/18.87000

c counts in train, t(h) is the number of different tokens seen behind the history h, and h' is h without its first
token; behind the empty history stands the uniform distribution. A history that never occurred passes on to h'.

Shapes: N tokens, V their vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Counts:
    """Sorted keys of what was seen, and how often."""

    keys: Ids
    values: Ids

    def of(self, keys: Ids) -> Floats:
        """0 for what was not seen."""
        at = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.values[at], 0).astype(np.float64)


class NGrams:
    """Counts of runs of up to `order` tokens. ValueError where V^order leaves 63 bits."""

    def __init__(self, train: Ids, tokens: int, order: int) -> None:
        if tokens**order >= 2**63:
            raise ValueError(f"runs of {order} tokens out of {tokens} cannot be numbered in 63 bits")
        self.tokens, self.order = tokens, order
        self._seen: list[_Counts] = []  # by the length of the run, from 1
        self._behind: list[tuple[_Counts, _Counts]] = []  # by the length of the history: c(h), t(h)
        for length in range(1, order + 1):
            runs, counts = np.unique(_keys(train, length, tokens), return_counts=True)
            self._seen.append(_Counts(runs, counts))
            history, first, different = np.unique(runs // tokens, return_index=True, return_counts=True)
            self._behind.append((_Counts(history, np.add.reduceat(counts, first)), _Counts(history, different)))

    def nats(self, ids: Ids, order: int) -> Floats:
        """-log P of each of ids [N] but the first `self.order - 1`, by runs of up to `order` (0: uniform)."""
        skipped = self.order - 1
        probability = np.full(len(ids) - skipped, 1 / self.tokens)
        for length in range(1, order + 1):
            keys = _keys(ids[skipped + 1 - length :], length, self.tokens)
            counts, different = (found.of(keys // self.tokens) for found in self._behind[length - 1])
            total = counts + different
            mixed = self._seen[length - 1].of(keys) + different * probability
            probability = np.where(total > 0, mixed / np.maximum(total, 1), probability)
        return np.asarray(-np.log(probability))


def _keys(ids: Ids, length: int, tokens: int) -> Ids:
    """Each run of `length` consecutive ids as one number: [N] -> [N - length + 1]."""
    count = len(ids) - length + 1
    keys = np.zeros(count, dtype=np.int64)
    for at in range(length):
        keys = keys * tokens + ids[at : at + count]
    return keys
