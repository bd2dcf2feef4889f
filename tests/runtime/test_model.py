"""Whole sequences through a bundle, against sums computed by numpy."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime import Classification, Forecast, Values, load
from seqhub.runtime import model as model_module
from tests.runtime.conftest import WriteBundle

FORECAST = {"type": "forecast", "lookback": 3, "horizon": 1, "targets": ["a", "b"], "time": "day"}


def test_outputs_are_running_sums_whatever_the_lengths_and_batches(bundle: Path, source: np.random.Generator) -> None:
    model = load(bundle)
    lengths = [5, 1, 0, 130, 7, 2]
    sequences = [source.standard_normal((n, 2)).astype(np.float32) for n in lengths]
    for x, y in zip(sequences, model.outputs(sequences), strict=True):
        np.testing.assert_allclose(y, x.cumsum(axis=0), rtol=1e-5, atol=1e-5)


def test_many_sequences_take_several_batches(
    bundle: Path, source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "BATCH", 4)
    sequences = [source.standard_normal((n, 2)).astype(np.float32) for n in source.integers(1, 9, 11)]
    for x, y in zip(sequences, load(bundle).outputs(sequences), strict=True):
        np.testing.assert_allclose(y, x.cumsum(axis=0), rtol=1e-5, atol=1e-5)


def test_no_sequences_run_nothing(bundle: Path) -> None:
    assert load(bundle).outputs([]) == []
    assert load(bundle).predict([]) == []


def test_predict_gives_one_answer_to_one_sequence_and_a_list_to_several(bundle: Path) -> None:
    model = load(bundle)
    one = model.predict(np.array([[1, 2], [3, 4]]))
    assert isinstance(one, Values)
    assert one.values.tolist() == [4, 6]
    several = model.predict([np.array([[1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])])
    assert isinstance(several, list)
    assert [answer.values.tolist() for answer in several if isinstance(answer, Values)] == [[1, 2], [4, 6]]
    cube = model.predict(np.ones((3, 4, 2)))
    assert isinstance(cube, list)
    assert len(cube) == 3


def test_a_forecast_reads_the_lookback_only(write_bundle: WriteBundle) -> None:
    model = load(write_bundle({**FORECAST}))
    steps = np.arange(10, dtype=np.float32).reshape(5, 2)
    answer = model.predict(steps)
    assert isinstance(answer, Values | Forecast)
    np.testing.assert_array_equal(answer.values.ravel(), steps[-3:].sum(axis=0))


def test_rolling_forecasts_follow_every_row_from_the_lookback_on(write_bundle: WriteBundle) -> None:
    model = load(write_bundle({**FORECAST}))
    steps = np.arange(10, dtype=np.float32).reshape(5, 2)
    answers = model.rolling(steps)
    assert [a.values.ravel().tolist() for a in answers if not isinstance(a, Classification)] == [
        steps[i : i + 3].sum(axis=0).tolist() for i in range(3)
    ]


def test_a_classification_is_the_likeliest_label_with_probabilities(write_bundle: WriteBundle) -> None:
    answer = load(write_bundle({"type": "classify", "labels": ["a", "b"]})).predict(np.array([[1.0, 3.0]]))
    assert isinstance(answer, Classification)
    assert answer.label == "b"
    np.testing.assert_allclose(answer.probabilities, [1 / (1 + np.exp(2)), 1 / (1 + np.exp(-2))], rtol=1e-6)
    assert answer.as_dict()["probabilities"]["b"] == pytest.approx(0.8808, abs=1e-4)


def test_softmax_of_huge_logits_is_finite(write_bundle: WriteBundle) -> None:
    answer = load(write_bundle({"type": "classify"})).predict(np.array([[1e30, -1e30]]))
    assert isinstance(answer, Classification)
    assert answer.probabilities.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (np.array([["1", "2"]]), "E710", "'x' holds <U1"),
        (np.array([[1j, 2]]), "E710", "complex128"),
        (np.ones((3, 3)), "E711", r"'x' has shape [3, 3], expected [T 2]: steps of a, b"),
        (np.ones(4), "E711", "'x' has shape [4]"),
        ([np.ones((3, 2)), np.ones((3, 1))], "E711", "'x[1]' has shape [3, 1]"),
        ([[[1, 2], [3]]], "E711", "'x[0]' is no rectangular array"),
        (np.array([[1, 2], [np.nan, 3]]), "E712", "'x' holds nan at step 1, column 'a'"),
        (np.array([[1, 1e300]]), "E712", "'x' holds inf at step 0, column 'b'"),
        (np.ones((0, 2)), "E714", "'x' has 0 steps"),
    ],
)
def test_inputs_that_do_not_fit_are_named(bundle: Path, value: object, code: str, words: str) -> None:
    with pytest.raises(BundleError, match=re.escape(words)) as caught:
        load(bundle).predict(value)  # type: ignore[arg-type]
    assert caught.value.problems[0].code == code
    assert caught.value.problems[0].fix


def test_too_few_rows_for_a_forecast_are_counted(write_bundle: WriteBundle) -> None:
    with pytest.raises(BundleError, match="'x' has 2 steps, but the model needs 3"):
        load(write_bundle({**FORECAST})).predict(np.ones((2, 2)))


def test_a_graph_is_never_fed_batch_zero(bundle: Path) -> None:
    graph = load(bundle).graphs["full"]
    for shape in ((0, 3, 2), (3, 0, 2)):
        with pytest.raises(BundleError, match="one row and one step at least"):
            graph.run(np.zeros(shape, np.float32), np.zeros(shape[0], np.int64), graph.initial_state(shape[0]))
