"""Drawing a token: frequencies against the softmax, and the ends of every range."""

from __future__ import annotations

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime.answers import softmax
from seqhub.runtime.sampling import Sampling

SCORES = np.array([2.0, -1.0, 0.5, 2.0, -3.0, 1.0])


def probabilities(scores: np.ndarray = SCORES, **options: float) -> np.ndarray:
    return Sampling(**options).probabilities(scores)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_equals_the_softmax(temperature):
    np.testing.assert_allclose(probabilities(temperature=temperature), softmax(SCORES / temperature), rtol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.7}, {"top_k": 3}, {"top_p": 0.8}, {"temperature": 1.5, "top_k": 4, "top_p": 0.9}]
)
def test_draws_are_as_frequent_as_they_should_be(options):
    """Chi-squared with 5 degrees of freedom lies above 20.5 once in a thousand times; the seed is fixed."""
    sampling, source, count = Sampling(**options), np.random.default_rng(0), 4000
    drawn = np.bincount([sampling.draw(SCORES, source) for _ in range(count)], minlength=len(SCORES))
    expected = sampling.probabilities(SCORES) * count
    assert (drawn[expected == 0] == 0).all()
    there = expected > 0
    assert float(((drawn - expected)[there] ** 2 / expected[there]).sum()) < 20.5


def test_temperature_0_takes_the_likeliest_and_of_equals_the_first():
    assert probabilities(temperature=0).tolist() == [1, 0, 0, 0, 0, 0]


def test_a_tiny_temperature_overflows_nothing():
    np.testing.assert_allclose(probabilities(temperature=1e-300), [0.5, 0, 0, 0.5, 0, 0])
    np.testing.assert_allclose(probabilities(np.array([1e30, -1e30, 0.0])), [1, 0, 0])


@pytest.mark.parametrize(
    ("k", "kept"), [(1, [0]), (2, [0, 3]), (3, [0, 3, 5]), (6, [0, 1, 2, 3, 4, 5]), (99, [0, 1, 2, 3, 4, 5])]
)
def test_top_k_keeps_the_k_likeliest(k, kept):
    found = probabilities(top_k=k)
    assert np.flatnonzero(found).tolist() == kept
    np.testing.assert_allclose(found[kept], softmax(SCORES)[kept] / softmax(SCORES)[kept].sum())


def test_top_p_keeps_the_smallest_set_that_holds_the_share():
    share = np.log([0.5, 0.25, 0.15, 0.1])
    for p, kept in [(0.0, 1), (0.5, 1), (0.51, 2), (0.74, 2), (0.76, 3), (0.89, 3), (0.91, 4), (1.0, 4)]:
        assert np.count_nonzero(probabilities(share, top_p=p)) == kept, p


def test_top_p_acts_on_what_top_k_left():
    share = np.log([0.4, 0.3, 0.2, 0.1])
    assert np.count_nonzero(probabilities(share, top_k=2, top_p=0.58)) == 2  # 0.4 of 0.7 is 0.571
    assert np.count_nonzero(probabilities(share, top_k=2, top_p=0.57)) == 1


def test_what_is_forbidden_is_never_drawn():
    found = Sampling().probabilities(SCORES, [0, 3])
    assert found[[0, 3]].tolist() == [0, 0]
    assert found.sum() == pytest.approx(1)
    assert Sampling(temperature=0).probabilities(SCORES, [0, 3]).argmax() == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": -1}, "temperature is -1, expected 0 or more"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"top_k": 0}, "top_k is 0, expected 1 or more"),
        ({"top_p": 1.5}, "top_p is 1.5, expected 0 to 1"),
        ({"top_p": -0.1}, "top_p is -0.1"),
    ],
)
def test_numbers_out_of_range(options, words):
    with pytest.raises(BundleError, match=words) as caught:
        Sampling(**options)
    assert caught.value.problems[0].code == "E720"
