"""Batches of items of like length, so that little is padded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_JITTER = 0.1  # share of a length by which the order is shaken, so that batches differ between epochs


def length_batches(lengths: Sequence[int], size: int, *, epoch: int, seed: int) -> list[list[int]]:
    """Every item once, `size` a batch but the last; the same for the same seed and epoch, as many in every epoch.

    Items are sorted by length, shaken a little; then the batches are shuffled.
    """
    draw = np.random.default_rng([seed, epoch])
    shaken = np.asarray(lengths) * (1 + _JITTER * draw.uniform(-1, 1, len(lengths)))
    order = np.argsort(shaken, kind="stable")
    batches = [order[first : first + size].tolist() for first in range(0, len(order), size)]
    draw.shuffle(batches)
    return batches
