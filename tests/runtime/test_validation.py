"""What a graph must not be fed, at every door: predict, outputs, push of a stream and of a pool, and single runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime import Model, load
from seqhub.runtime.inputs import as_steps

Door = Callable[[Model, Any], object]
DOORS: dict[str, tuple[str, Door]] = {
    "predict": ("x", lambda model, value: model.predict(value)),
    "several": ("x[1]", lambda model, value: model.predict([np.ones((2, 2)), value])),
    "outputs": ("sequences[1]", lambda model, value: model.outputs([np.ones((2, 2)), value])),
    "push": ("chunk", lambda model, value: model.stream().push(value)),
    "row": ("chunk[1]", lambda model, value: model.stream(2).push([np.ones((2, 2)), value])),
    "pool": ("chunk", lambda model, value: (pool := model.pool(1)).push(pool.open(), value)),
    "rolling": ("x", lambda model, value: model.rolling(value)),
}
VALUES: list[tuple[Any, str, str]] = [
    (np.array([["1", "2"]]), "E710", "holds <U1, expected numbers (float32)"),
    (np.array([[b"1", b"2"]]), "E710", "holds |S1"),
    (np.array([[1, None]]), "E710", "holds object"),
    (np.array([[1j, 2]]), "E710", "holds complex128"),
    (np.array([["2020-01-01", "2020-01-02"]], dtype="M8[D]"), "E710", "holds datetime64[D]"),
    (np.ones((3, 3), np.float32), "E711", "has shape [3, 3], expected [T 2]: steps of a, b"),
    (np.ones((3, 1)), "E711", "has shape [3, 1]"),
    (np.ones(4, np.float32), "E711", "has shape [4]"),
    (np.array([[1, 2], [np.nan, 3]], np.float32), "E712", "holds nan at step 1, column 'a'"),
    (np.array([[1, np.inf]], np.float32), "E712", "holds inf at step 0, column 'b'"),
    (np.array([[1, -1e300]]), "E712", "holds -inf at step 0, column 'b'"),
    (np.full((4000, 2), [1, np.nan], np.float32), "E712", "holds nan at step 0, column 'b'"),
]


@pytest.mark.parametrize(("value", "code", "words"), VALUES)
@pytest.mark.parametrize("door", DOORS)
def test_what_does_not_fit_is_named_at_every_door(bundle: Path, door: str, value: Any, code: str, words: str) -> None:
    name, enter = DOORS[door]
    with pytest.raises(BundleError, match=re.escape(f"'{name}' {words}")) as caught:
        enter(load(bundle), value)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.problems[0].fix


GOOD: list[Any] = [
    np.array([[1, 2], [3, 4]], np.float64),
    np.array([[1, 2], [3, 4]], np.int8),
    np.array([[1, 2], [3, 4]], np.float16),
    np.array([[1, 2], [3, 4]], ">f4"),
    np.array([[1, 3], [2, 4]], np.float32).T,
    np.array([[1, 9, 2], [3, 9, 4]], np.float32)[:, ::2],
    np.ma.masked_array([[1.0, 2], [3, 4]]),
    [[1, 2], [3, 4]],
    ((1.0, 2.0), (3.0, 4.0)),
]


@pytest.mark.parametrize("value", GOOD, ids=range(len(GOOD)))
def test_numbers_of_any_kind_and_layout_give_the_same(bundle: Path, value: Any) -> None:
    model, expected = load(bundle), [[1, 2], [4, 6]]
    assert model.outputs([value])[0].tolist() == expected
    assert np.asarray(model.stream().push(value)).tolist() == expected
    pool = model.pool(1)
    pool.push(pool.open(), value)
    assert pool.step()[1].tolist() == expected


def test_large_finite_numbers_are_let_in(bundle: Path) -> None:
    largest = np.full((1, 2), np.finfo(np.float32).max)
    assert np.array_equal(load(bundle).outputs([largest])[0], largest)


def test_nothing_in_gives_nothing_out(bundle: Path) -> None:
    model, none = load(bundle), np.zeros((0, 2))
    assert model.outputs([]) == []
    assert model.predict(np.zeros((0, 3, 2))) == []
    assert model.outputs([none])[0].shape == (0, 2)
    assert np.asarray(model.stream().push(none)).shape == (0, 2)
    with pytest.raises(BundleError, match="'x' has 0 steps"):
        model.predict(none)
    with pytest.raises(BundleError, match=re.escape("'x[0]' has 0 steps")):
        model.predict(np.zeros((1, 0, 2)))


@pytest.mark.parametrize("value", [np.array([[0, 3], [9, 0]]), np.array([[0, 3], [9, 0]], np.uint8), [[0, 3], [9, 0]]])
def test_ids_inside_the_vocabulary_are_let_in(value: Any) -> None:
    steps = as_steps(value, ("token", "kind"), "x", vocabulary=(10, 4))
    assert (steps.dtype, steps.tolist()) == (np.int64, [[0, 3], [9, 0]])


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (np.array([[0, 4]]), "E712", "'x' holds id 4 at step 0, column 'kind', expected 0 to 3"),
        (np.array([[0, 0], [-1, 0]]), "E712", "'x' holds id -1 at step 1, column 'token', expected 0 to 9"),
        (np.array([[0.0, 1.0]]), "E710", "'x' holds float64, expected ids (int64)"),
        (np.array([[True, False]]), "E710", "'x' holds bool, expected ids (int64)"),
        (np.array([[0]]), "E711", "'x' has shape [1, 1], expected [T 2]"),
    ],
)
def test_ids_outside_the_vocabulary_are_named(value: Any, code: str, words: str) -> None:
    with pytest.raises(BundleError, match=re.escape(words)) as caught:
        as_steps(value, ("token", "kind"), "x", vocabulary=(10, 4))
    assert caught.value.problems[0].code == code


X, N, TOTAL = np.ones((2, 3, 2), np.float32), np.array([3, 1]), np.zeros((2, 2), np.float32)
RUNS: list[tuple[dict[str, Any], str, str]] = [
    ({"x": X.astype(np.float64)}, "E710", "'x' holds float64, expected float32"),
    ({"x": X.tolist()}, "E710", "'x' holds list, expected float32"),
    ({"x": X[0]}, "E711", "'x' has shape [3, 2], expected [batch time 2]"),
    ({"x": X[..., :1]}, "E711", "'x' has shape [2, 3, 1], expected [batch=2 time=3 2]"),
    ({"x": X[:0], "lengths": N[:0]}, "E711", "'x' has shape [0, 3, 2]: a graph needs one row and one step at least"),
    ({"x": X[:, :0], "lengths": 0 * N}, "E711", "'x' has shape [2, 0, 2]: a graph needs one row and one step"),
    ({"lengths": N.astype(np.int32)}, "E710", "'lengths' holds int32, expected int64"),
    ({"lengths": N[:1]}, "E711", "'lengths' has shape [1], expected [batch=2]"),
    ({"lengths": N + 1}, "E711", "'lengths' are 2 to 4, expected 0 to 3, the steps of 'x'"),
    ({"lengths": N - 2}, "E711", "'lengths' are -1 to 1"),
    ({"state": {"state.sum.total": TOTAL.astype(int)}}, "E710", "'state.sum.total' holds int64, expected float32"),
    ({"state": {"state.sum.total": TOTAL[:1]}}, "E711", "'state.sum.total' has shape [1, 2], expected [batch=2 2]"),
    ({"state": {"other": TOTAL}}, "E711", "'full.onnx' was given ['lengths', 'other', 'x'], expected ['x', 'lengths'"),
    ({"state": {}}, "E711", "'full.onnx' was given ['lengths', 'x']"),
]


@pytest.mark.parametrize(("change", "code", "words"), RUNS)
def test_a_run_names_the_tensor_that_does_not_fit(bundle: Path, change: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(BundleError, match=re.escape(words)) as caught:
        load(bundle).run(**{"x": X, "lengths": N, **change})
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.problems[0].fix


def test_a_run_goes_on_from_the_state_of_another(bundle: Path) -> None:
    model = load(bundle)
    _, _, state = model.run(X, N)
    padded = np.where(np.arange(3)[None, :, None] < 1, X, np.float32(np.nan))
    y, out_lengths, after = model.run(padded, np.array([1, 0]), state)
    assert (y[0, 0].tolist(), out_lengths.tolist()) == ([4, 4], [1, 0])
    assert after["state.sum.total"].tolist() == [[4, 4], [1, 1]]


def test_a_graph_without_numbers_is_fed_none_of_another_type(bundle: Path) -> None:
    model = load(bundle)
    with pytest.raises(BundleError, match="'text' is text, but the bundle 'sums' reads numbers"):
        model.text_item("a text")
    with pytest.raises(BundleError, match=re.escape("'x[0]' is text")):
        model.predict(["a text"])
