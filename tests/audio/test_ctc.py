"""CTC decoding, against every path there is."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from seqhub.audio import beam_text, greedy_text


def spelled(path: tuple[int, ...]) -> tuple[int, ...]:
    """A path without repeats and blanks."""
    return tuple(token for token, _ in itertools.groupby(path) if token)


def likeliest(scores: np.ndarray) -> tuple[int, ...]:
    """The text whose paths have the largest probability together."""
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    total: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        total[spelled(path)] += float(np.exp(sum(logs[t, token] for t, token in enumerate(path))))
    return max(total, key=total.__getitem__)


def test_greedy_is_the_text_of_the_best_path():
    scores = np.array([[0, 2, 0], [0, 2, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [0, 0, 2]], dtype=np.float32)
    assert greedy_text(scores) == [1, 1, 2]
    assert greedy_text(np.zeros((0, 3))) == []


@pytest.mark.parametrize("seed", range(12))
def test_a_wide_beam_finds_the_likeliest_text(seed: int):
    scores = np.random.default_rng(seed).normal(size=(5, 3)) * 1.5 - 40  # any constant may be added to a frame
    assert tuple(beam_text(scores, 64)) == likeliest(scores)


def test_a_beam_adds_paths_up_where_greedy_does_not():
    probabilities = np.array([[0.6, 0.4], [0.6, 0.4]])  # best path: blank blank, 0.36; text [1]: 0.64
    scores = np.log(probabilities)
    assert greedy_text(scores) == []
    assert beam_text(scores, 2) == [1] == list(likeliest(scores))


def test_a_beam_of_nothing():
    assert beam_text(np.zeros((0, 3)), 4) == []
    with pytest.raises(ValueError, match="beam is 0"):
        beam_text(np.zeros((1, 3)), 0)
