"""Each generator against what its puzzle says, sequence by sequence, and against what answers without memory score."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqhub.bench.puzzles import PUZZLES, Puzzle, make_puzzle
from seqhub.bench.puzzles.copying import BLANK, COUNT, MARKER, SYMBOLS

PAIRS, LENGTH, BATCH = 7, 40, 64


def drawn(name: str, seed: int = 3, batch: int = BATCH, length: int = LENGTH):
    puzzle = make_puzzle(name, PAIRS)
    return puzzle, puzzle.draw(np.random.default_rng(seed), batch, length)


@pytest.mark.parametrize("name", PUZZLES)
def test_every_puzzle_keeps_to_its_shapes_and_vocabulary(name):
    puzzle, sample = drawn(name)
    assert puzzle.name == name
    assert puzzle.source.startswith("arXiv:")
    if puzzle.tokens:
        assert sample.x.shape == (BATCH, LENGTH)
        assert sample.x.dtype == np.int64
        assert 0 <= sample.x.min() <= sample.x.max() < puzzle.tokens
        assert 0 <= sample.target.min() <= sample.target.max() < puzzle.classes
        assert sample.target.dtype == np.int64
    else:
        assert sample.x.shape == (BATCH, LENGTH, puzzle.columns)
        assert sample.x.dtype == sample.target.dtype == np.float32
    assert sample.target.shape == sample.learnt.shape == sample.scored.shape == (BATCH, LENGTH)
    assert sample.scored.any(axis=1).all()
    assert not (sample.scored & ~sample.learnt).any()  # nothing is asked that was not taught


@pytest.mark.parametrize("name", PUZZLES)
def test_a_seed_gives_the_same_sequences_and_another_seed_others(name):
    (_, first), (_, again), (_, other) = drawn(name), drawn(name), drawn(name, seed=4)
    for part in ("x", "target", "learnt", "scored"):
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
    assert (first.x != other.x).any()


@pytest.mark.parametrize("name", PUZZLES)
def test_the_shortest_sequence_holds_the_puzzle(name):
    """Every answer in it is one that can be known: with the sequence before it as a key, it is always the same."""
    puzzle = make_puzzle(name, PAIRS)
    length = puzzle.least_length()
    sample = puzzle.draw(np.random.default_rng(0), 2000, length)
    known: dict[bytes, float] = {}
    for x, target, scored in zip(sample.x, sample.target, sample.scored, strict=True):
        for at in np.flatnonzero(scored):
            assert known.setdefault(x[: at + 1].tobytes(), target[at]) == target[at]
    assert {"copy": 21, "selective-copy": 20, "mqar": 3 * PAIRS}.get(name, 2) == length


def test_adding_answers_the_sum_of_one_number_of_each_half():
    _, sample = drawn("adding")
    numbers, marks = sample.x[..., 0], sample.x[..., 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:, : LENGTH // 2].sum(axis=1) == 1).all()
    assert (marks[:, LENGTH // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose(sample.target[:, -1], (numbers * marks).sum(axis=1), rtol=1e-6)
    assert (np.flatnonzero(sample.scored.any(axis=0)) == [LENGTH - 1]).all()


def test_copy_asks_for_its_first_ten_symbols_after_the_marker():
    _, sample = drawn("copy")
    assert (sample.x[:, :COUNT] < SYMBOLS).all()
    assert (sample.x[:, COUNT : -COUNT - 1] == BLANK).all()
    assert (sample.x[:, -COUNT - 1] == MARKER).all()
    assert (sample.x[:, -COUNT:] == BLANK).all()
    np.testing.assert_array_equal(sample.target[:, -COUNT:], sample.x[:, :COUNT])
    assert (sample.scored.sum(axis=1) == COUNT).all()
    assert sample.scored[:, -COUNT:].all()


def test_selective_copy_asks_for_the_symbols_in_the_order_they_came():
    _, sample = drawn("selective-copy")
    for x, target, scored in zip(sample.x, sample.target, sample.scored, strict=True):
        seen = [token for token in x if token < SYMBOLS]
        assert seen == list(target[scored])
        assert len(seen) == COUNT
        assert (x[-COUNT:] == MARKER).all()
        assert set(x[:-COUNT]) <= {*range(SYMBOLS), BLANK}
    places = {tuple(np.flatnonzero(x < SYMBOLS)) for x in sample.x}
    assert len(places) > BATCH // 2  # the places are random


def test_parity_targets_are_the_cumulative_xor():
    _, sample = drawn("parity")
    for bits, target in zip(sample.x, sample.target, strict=True):
        odd = 0
        for bit, answer in zip(bits, target, strict=True):
            odd ^= int(bit)
            assert answer == odd
    assert sample.learnt.all()
    assert (np.flatnonzero(sample.scored.any(axis=0)) == [LENGTH - 1]).all()


def test_recall_asks_every_key_once_and_its_value_came_once_before():
    puzzle, sample = drawn("mqar")
    for x, target, scored in zip(sample.x, sample.target, sample.scored, strict=True):
        stored = dict(zip(x[0 : 2 * PAIRS : 2], x[1 : 2 * PAIRS : 2], strict=True))
        assert len(stored) == PAIRS  # the keys of a sequence differ
        assert all(key < puzzle.keys <= value < puzzle.tokens - 1 for key, value in stored.items())
        asked = np.flatnonzero(scored)
        assert (asked >= 2 * PAIRS).all()
        assert sorted(x[asked]) == sorted(stored)
        assert all(target[at] == stored[x[at]] - puzzle.keys for at in asked)
        blank = np.setdiff1d(np.arange(2 * PAIRS, LENGTH), asked)
        assert (x[blank] == puzzle.tokens - 1).all()
    assert len({tuple(np.flatnonzero(scored)) for scored in sample.scored}) > BATCH // 2


def naive_score(puzzle: Puzzle, rng: np.random.Generator) -> float:
    """What the best answer without memory scores on many sequences."""
    sample = puzzle.draw(rng, 20_000, 24)
    wanted = sample.target[sample.scored]
    if puzzle.metric == "mse":
        return float(np.square(wanted - 1.0).mean())
    if puzzle.name != "mqar":
        return float((wanted == rng.integers(0, puzzle.classes, wanted.shape)).mean())
    seen = sample.x[:, 1 : 2 * PAIRS : 2] - puzzle.keys  # a value of the sequence, whichever
    guesses = seen[np.arange(len(seen))[:, None], rng.integers(0, PAIRS, (len(seen), PAIRS))]
    return float((wanted.reshape(-1, PAIRS) == guesses).mean())


@pytest.mark.parametrize("name", PUZZLES)
def test_the_naive_score_is_what_a_naive_answer_gets(name):
    puzzle = make_puzzle(name, PAIRS)
    measured = naive_score(puzzle, np.random.default_rng(11))
    assert math.isclose(measured, puzzle.naive(24), rel_tol=0.03)
    assert puzzle.share(puzzle.naive(24), 24) == 0
    assert puzzle.share(0.0 if puzzle.metric == "mse" else 1.0, 24) == 1
    worse = 2 * puzzle.naive(24) if puzzle.metric == "mse" else 0.0
    assert puzzle.share(worse, 24) == 0
