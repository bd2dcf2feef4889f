"""Search: greedy against a plain loop, beams against every sequence there is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime.decoding import Hypothesis, Search, log_softmax, penalty, search

END, BEGIN = 0, 1


class Table:
    """Scores of the next token drawn for each (row, tokens so far): a model that forgets nothing."""

    def __init__(self, tokens: int, seed: int = 0, spread: float = 1.5) -> None:
        self.tokens, self.seed, self.spread = tokens, seed, spread
        self.calls: list[int] = []

    def scores(self, row: int, past: tuple[int, ...]) -> np.ndarray:
        code = [self.seed, row, *past]
        return np.random.default_rng(code).normal(size=self.tokens) * self.spread

    def step(self, last, rows, state):
        """The state holds every token so far, so that a wrong reordering is seen."""
        self.calls.append(len(last))
        past = np.concatenate([state["past"], last[:, None]], axis=1)
        length = int(state["steps"].max()) if len(last) else 0
        assert (state["steps"] == length).all()
        found = [self.scores(r, tuple(p[-length:].tolist()) if length else ()) for r, p in zip(rows, past, strict=True)]
        return np.stack(found), {"past": past, "steps": state["steps"] + 1}

    def first(self, rows: int) -> dict[str, np.ndarray]:
        return {"past": np.zeros((rows, 0), np.int64), "steps": np.zeros(rows, np.int64)}

    def every(self, row: int, limit: int, options: Search, never: tuple[int, ...] = ()) -> list[Hypothesis]:
        """All that can be written, best first: the oracle."""
        letters = [i for i in range(self.tokens) if i != END and i not in never]
        found = []
        for length in range(options.least, limit + 1):
            for ids in itertools.product(letters, repeat=length):
                total = 0.0
                for t, token in enumerate((*ids, END)):
                    total += float(log_softmax(self.scores(row, ids[:t]))[token])
                found.append(Hypothesis(ids, total, total / penalty(length + 1, options.length_penalty)))
        return sorted(found, key=lambda h: -h.score)


def run(table: Table, limits: list[int], options: Search, **more) -> list[list[Hypothesis]]:
    return search(table.step, table.first(len(limits)), limits, options, begin=BEGIN, end=END, **more)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5, -0.5])
@pytest.mark.parametrize("least", [0, 2])
def test_a_beam_as_wide_as_all_there_is_finds_the_best_of_all(alpha, least):
    table, limits = Table(4), [3, 3, 2]
    options = Search(width=200, length_penalty=alpha, least=least)
    for row, got in enumerate(run(table, limits, options, best=5)):
        expected = table.every(row, limits[row], options)[:5]
        assert [h.ids for h in got] == [h.ids for h in expected]
        np.testing.assert_allclose([h.score for h in got], [h.score for h in expected], rtol=1e-9)
        np.testing.assert_allclose([h.log_p for h in got], [h.log_p for h in expected], rtol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_what_a_narrow_beam_finds_is_real_and_never_better_than_the_best(width):
    for seed in range(8):
        table, limits = Table(5, seed), [4, 2, 3]
        options = Search(width=width)
        for row, got in enumerate(run(table, limits, options, best=2)):
            by_ids = {h.ids: h for h in table.every(row, limits[row], options)}
            assert len({h.ids for h in got}) == len(got) >= 1
            assert got == sorted(got, key=lambda h: -h.score)
            for h in got:
                assert h.score == pytest.approx(by_ids[h.ids].score)
            assert got[0].score <= max(h.score for h in by_ids.values()) + 1e-9


def test_wider_beams_find_more_on_the_whole():
    totals = []
    for width in (1, 3, 50):
        found = [run(Table(5, seed), [5], Search(width=width, length_penalty=0.0))[0][0] for seed in range(20)]
        totals.append(sum(h.log_p for h in found))
    assert totals[0] < totals[1] < totals[2]


def test_a_beam_of_one_is_greedy():
    for seed in range(20):
        table, limits = Table(6, seed), [7, 3, 5, 1]
        for row, (got,) in enumerate(run(table, limits, Search(width=1, length_penalty=1.0))):
            ids: tuple[int, ...] = ()
            while len(ids) < limits[row]:
                token = int(table.scores(row, ids).argmax())
                if token == END:
                    break
                ids = (*ids, token)
            assert got.ids == ids


def test_least_most_and_what_is_never_written():
    table = Table(5)
    for row, got in enumerate(run(table, [6, 4], Search(width=3, least=3), never=(1, 2), best=3)):
        for h in got:
            assert 3 <= len(h.ids) <= (6, 4)[row]
            assert not {END, 1, 2} & set(h.ids)
    options = Search(width=100, least=1)
    assert run(table, [2], options, never=(3,))[0][0].ids == table.every(0, 2, options, (3,))[0].ids


def test_ended_rows_take_no_step():
    table = Table(5, spread=6.0)
    run(table, [1, 9, 2, 9], Search(width=1))
    assert table.calls[0] == 4
    assert table.calls == sorted(table.calls, reverse=True)
    assert 0 not in table.calls


def test_limits_follow_the_source():
    assert Search(ratio=1.5, most=20).limits([0, 3, 10, 100]) == [5, 10, 20, 20]
    assert Search(ratio=1.0, least=8, most=9).limits([1, 4, 30]) == [8, 9, 9]


@pytest.mark.parametrize("wrong", [{"width": 0}, {"most": 0}, {"least": 5, "most": 4}, {"ratio": 0.0}])
def test_options_that_mean_nothing(wrong):
    with pytest.raises(ValueError, match="width and most are 1 or more"):
        Search(**wrong)


def test_scores_that_are_no_numbers():
    def step(last, rows, state):
        return np.full((len(last), 4), math.nan), state

    with pytest.raises(BundleError, match="not finite") as caught:
        search(step, {}, [3], Search(), begin=BEGIN, end=END)
    assert caught.value.problems[0].code == "E716"
