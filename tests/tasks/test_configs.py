"""Options that do not fit each other, or the model."""

from __future__ import annotations

from fractions import Fraction

import pytest

from seqhub.geometry import INF, Geometry
from seqhub.plugins import load_registry
from seqhub.tasks.configs import Split
from seqhub.tasks.configs_classify import ClassifyData
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, SeriesSplit

CAUSAL = Geometry(width=8, past=INF)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (Split(valid=0.5, test=0.5), "test"),
        (SeriesSplit(test=0.4, folds=3), "test"),
        (SeriesSplit(folds=2, fold=2), "fold"),
        (SeriesSplit(rows=(80, 20)), "rows"),
        (SeriesSplit(rows=(80, 20, 20), test=0.3), "rows"),
        (SeriesSplit(rows=(80, 20, 20), folds=5), "folds"),
        (ForecastConfig(lookback=8, anchor="running", inputs="difference"), "inputs"),
        (ForecastConfig(lookback=8, output="negative-binomial", anchor="last"), "output"),
        (ForecastConfig(lookback=8, output="gaussian", loss="mae"), "loss"),
        (ForecastConfig(lookback=8, output="quantiles", quantiles=(0.1, 0.9)), "quantiles"),
        (ForecastConfig(lookback=8, output="quantiles", quantiles=(0.5, 0.1)), "quantiles"),
        (ForecastConfig(lookback=8, output="quantiles", quantiles=(0.1, 0.5, 0.9), interval=0.9), "interval"),
        (ForecastData(target=("a",), calendar=("hour",)), "calendar"),
        (ForecastData(target=("a",), step="1h", missing="previous"), "step"),
        (ForecastData(target=("a",), time="t", step="1 hour", missing="previous"), "step"),
        (ForecastData(target=("a",), time="t", step="1h"), "step"),
        (ForecastData(target=("a",), mask=True), "mask"),
        (ForecastConfig(lookback=8, stride=9), "stride"),
        (ForecastData(target=()), "target"),
        (ForecastData(target=("a", "a")), "target"),
        (ForecastData(target=("a",), covariates=("b", "a")), "covariates"),
        (ClassifyData(labels=("a", "b", "a")), "labels"),
        (ClassifyData(labels=("a",)), "labels"),
    ],
)
def test_options_that_contradict_each_other(options, field):
    assert [name for name, _, _ in options.problems(0)] == [field]


def test_good_options():
    for options in (Split(), ForecastConfig(lookback=8, stride=8), ForecastData(target=("a",)), ClassifyData()):
        assert options.problems(0) == []


def test_every_step_is_supervised_only_where_no_step_sees_the_targets():
    every = ForecastConfig(lookback=8, supervise="all")
    assert every.model_problems(CAUSAL) == []
    ((field, message, fix),) = every.model_problems(Geometry(width=8, past=INF, future=INF))
    assert field == "supervise"
    assert "causal" in message
    assert "supervise: last" in fix
    assert ForecastConfig(lookback=8).model_problems(Geometry(width=8, future=2)) == []
    halved = Geometry(width=8, ratio=Fraction(1, 2), block=2)
    assert "one output per step" in every.model_problems(halved)[0][1]


def test_the_lookback_must_end_with_a_block():
    quarter = Geometry(width=8, ratio=Fraction(1, 4), block=4)
    ((field, _, fix),) = ForecastConfig(lookback=10).model_problems(quarter)
    assert field == "lookback"
    assert "use 8 or 12" in fix
    assert ForecastConfig(lookback=12).model_problems(quarter) == []
    assert "use 4," in ForecastConfig(lookback=3).model_problems(quarter)[0][2]


def test_scores_have_exactly_the_metrics_that_the_specs_promise():
    import torch

    from seqhub.tasks.classify_scores import ClassifyScores
    from seqhub.tasks.forecast_scores import ForecastScores

    promised = {c.spec.name: set(c.spec.metrics) for c in load_registry().components("task")}
    assert promised["forecast"] == {"mae", "mse", "rmse", "mase", "skill"}
    assert set(promised) >= {"forecast", "classify"}
    from seqhub.data.batch import Batch

    lengths = torch.tensor([2])
    scores = ForecastScores(torch.ones(1))
    scores.update(torch.ones(1, 3), Batch(torch.ones(1, 2, 1), lengths, torch.zeros(1, 3, 1), lengths, lengths))
    assert set(scores.compute()) == promised["forecast"]
    labels = ClassifyScores(3)
    labels.update(torch.eye(3), Batch(torch.ones(3, 2, 1), lengths, torch.tensor([0, 1, 1]), lengths, lengths))
    assert set(labels.compute()) == promised["classify"]
