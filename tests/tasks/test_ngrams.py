"""Counts against a plain dictionary."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from seqhub.tasks.ngrams import NGrams

V = 5
TRAIN = np.random.default_rng(0).integers(0, V - 1, 60).astype(np.int64)  # token 4 is never seen


def plain(history: tuple[int, ...], token: int) -> float:
    """Witten and Bell's recursion as it is written."""
    counts = Counter(tuple(TRAIN[i : i + len(history) + 1].tolist()) for i in range(len(TRAIN) - len(history)))
    lower = plain(history[1:], token) if history else 1 / V
    behind = {run[-1]: n for run, n in counts.items() if run[:-1] == history}
    total, different = sum(behind.values()), len(behind)
    if not total:
        return lower
    return (behind.get(token, 0) + different * lower) / (total + different)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_equals_a_plain_recursion(order):
    ids = np.random.default_rng(1).integers(0, V, 40).astype(np.int64)
    found = NGrams(TRAIN, V, 3).nats(ids, order)
    expected = [-math.log(plain(tuple(ids[i - order + 1 : i].tolist()), int(ids[i]))) for i in range(2, 40)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_order_0_is_uniform():
    np.testing.assert_allclose(NGrams(TRAIN, V, 3).nats(TRAIN, 0), math.log(V))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_add_up_to_one(order):
    grams = NGrams(TRAIN, V, 3)
    for history in ([0, 1], [3, 3], [4, 0], [2, 4], [4, 4]):
        each = [grams.nats(np.array([*history, token]), order)[0] for token in range(V)]
        assert sum(math.exp(-nats) for nats in each) == pytest.approx(1, abs=1e-12)


def test_runs_that_cannot_be_numbered_are_refused():
    with pytest.raises(ValueError, match="63 bits"):
        NGrams(TRAIN, 3_000_000, 3)
