"""Rows of a batch on threads of their own: every function runs once, results keep their order, errors come through."""

from __future__ import annotations

import threading
from functools import partial

import pytest
import torch

from seqhub.nn.engines import rows


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("batch", "threads", "parts"),
    [(16, 2, 2), (16, 1, 1), (7, 2, 1), (8, 2, 2), (32, 8, 8), (30, 4, 3), (30, 8, 6), (13, 4, 1), (0, 2, 1)],
)
def test_a_batch_is_shared_equally_by_as_many_threads_as_have_enough_rows(monkeypatch, batch, threads, parts):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(rows, "_team", object)
    assert rows.parts_of(batch, rows.FEWEST_MULTIPLY_ADDS) == parts
    assert rows.parts_of(batch, rows.FEWEST_MULTIPLY_ADDS - 1) == 1
    monkeypatch.setattr(rows, "_team", lambda: None)
    assert rows.parts_of(batch, rows.FEWEST_MULTIPLY_ADDS) == 1


def test_every_function_runs_once_and_results_keep_their_order(two_threads):
    assert rows.side_by_side([partial(pow, 2, power) for power in range(5)]) == [1, 2, 4, 8, 16]
    assert rows.side_by_side([partial(pow, 3, 2)]) == [9]


def test_two_functions_run_at_the_same_time_each_on_its_thread(two_threads):
    if rows._team() is None:
        pytest.skip("torch has no team of threads here")
    barrier = threading.Barrier(2)

    def meet() -> int:
        barrier.wait(timeout=60)  # passes only if both are there
        return threading.get_ident()

    first, second = rows.side_by_side([meet, meet])
    assert first != second
    assert threading.get_ident() in (first, second)


def test_within_the_team_functions_run_one_after_the_other(two_threads):
    nested = rows.side_by_side([lambda: rows.side_by_side([lambda: 1, lambda: 2])] * 2)
    assert nested == [[1, 2], [1, 2]]


def test_an_error_is_raised_when_all_have_ended(two_threads):
    ended = []

    def fail() -> None:
        raise KeyboardInterrupt("stop")

    with pytest.raises(KeyboardInterrupt, match="stop"):
        rows.side_by_side([fail, lambda: ended.append(1)])
    assert ended == [1]
    assert rows.side_by_side([lambda: 1, lambda: 2]) == [1, 2]


def test_inference_mode_is_that_of_the_caller(two_threads):
    with torch.inference_mode():
        modes = rows.side_by_side([torch.is_inference_mode_enabled] * 2)
    assert modes == [True, True]
    assert rows.side_by_side([torch.is_inference_mode_enabled] * 2) == [False, False]


def test_without_a_team_the_functions_run_here(monkeypatch):
    monkeypatch.setattr(rows, "_team", lambda: None)
    assert rows.side_by_side([threading.get_ident] * 2) == [threading.get_ident()] * 2
