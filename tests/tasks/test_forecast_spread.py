"""Forecasts with a spread: legal parameters, losses, scores, naive intervals; rows put in order; columns of time."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from seqhub.data.table import Table
from seqhub.errors import DataError
from seqhub.nn import Chain, SequenceModel
from seqhub.nn.ends import Ends
from seqhub.nn.pointwise import Linear
from seqhub.nn.spread import parameters
from seqhub.runtime.clock import calendar
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, SeriesSplit
from seqhub.tasks.forecast import Forecast
from tests.nn.streams import ragged, worst_gap

LEVELS = (0.1, 0.25, 0.5, 0.9)
KINDS = ("quantiles", "gaussian", "student", "negative-binomial")


@dataclasses.dataclass
class Columns:
    columns: dict[str, Any]

    def read(self) -> Table:
        return Table(self.columns, "given")


def make(columns: dict[str, Any], split: SeriesSplit | None = None, **options: Any) -> Forecast:
    names = {field.name for field in dataclasses.fields(ForecastData)}
    data = {"target": ("y",), **{name: value for name, value in options.items() if name in names}}
    rest = {name: value for name, value in options.items() if name not in names}
    task = Forecast(
        ForecastConfig(**{"lookback": 4, "horizon": 2, **rest}),
        ForecastData(**data, split=split or SeriesSplit()),
        Columns(columns),
        seed=0,
    )
    task.prepare()
    return task


COUNTS = np.random.default_rng(0).poisson(20 + 10 * np.sin(np.arange(120) / 5)).astype(float)


def model_of(ends: Ends) -> SequenceModel:
    torch.manual_seed(1)
    model = SequenceModel(ends, Chain(8, {"a": Linear(8, width=8, activation="tanh")}))
    with torch.no_grad():
        for parameter in model.stack["head"].parameters():
            parameter.normal_(std=2.0)  # a head that has learnt to answer wildly
    return model.eval()


# -- parameters --------------------------------------------------------------------------------------------------------


def test_quantiles_cannot_cross_and_the_middle_one_is_free():
    z = torch.randn(50, 3, len(LEVELS), 2, generator=torch.Generator().manual_seed(0)) * 10
    q = parameters("quantiles", LEVELS, z)
    assert (q.diff(dim=-2) >= 0).all()
    torch.testing.assert_close(q[..., 2, :], z[..., 2, :])
    torch.testing.assert_close(q[..., 3, :], z[..., 2, :] + torch.nn.functional.softplus(z[..., 3, :]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("anchor", ["none", "last", "running"])
def test_a_model_answers_legal_parameters_in_raw_units_and_streams(kind, anchor):
    if kind == "negative-binomial" and anchor != "none":
        return
    task = make(
        {"y": COUNTS, "x": COUNTS * 3 + 900},
        target=("y", "x"),
        output=kind,
        quantiles=LEVELS,
        anchor=anchor,
        interval=0.8,
    )
    model = model_of(task.ends)
    x, lengths = ragged([9, 4], 2)
    x = x * 10 + 30
    y = model(x, lengths, model.initial_state(2))[0].detach()
    apart = y[0].view(9, *task.ends.outputs)
    if kind == "quantiles":
        assert (apart.diff(dim=2) >= 0).all()
    else:
        assert (apart[:, :, 1] > 0).all()
    if kind == "student":
        assert (apart[:, :, 2] >= 2).all()
    assert worst_gap(model, x, lengths, [1, 3, 2, 3]) < 2e-3 * float(y.abs().max())
    assert Ends.from_dict(task.ends.as_dict()) == task.ends


@pytest.mark.parametrize("kind", ["quantiles", "gaussian", "student"])
@pytest.mark.parametrize("anchor", ["last", "running"])
def test_an_anchored_answer_moves_and_grows_with_its_series(kind, anchor):
    """The columns of the input moved by a constant: locations move by it, scales and shapes stay."""
    task = make({"y": COUNTS}, output=kind, quantiles=LEVELS, anchor=anchor, inputs="level", interval=0.8)
    ends = task.ends if anchor == "running" else dataclasses.replace(task.ends, difference=True)
    model, x, lengths = model_of(ends), torch.rand(1, 6, 1) * 20, torch.tensor([6])
    y, moved = (model(x + by, lengths, model.initial_state(1))[0].view(6, *ends.outputs) for by in (0.0, 500.0))
    located = {"quantiles": len(LEVELS), "gaussian": 1, "student": 1}[kind]
    torch.testing.assert_close(moved[:, :, :located], y[:, :, :located] + 500, atol=0.05, rtol=1e-3)
    torch.testing.assert_close(moved[:, :, located:], y[:, :, located:], atol=0.05, rtol=1e-2)


# -- loss and scores ---------------------------------------------------------------------------------------------------


def of_test(task: Forecast):
    items = task.dataset("test")
    return task.collate([items[i] for i in range(len(items))])


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_that_of_scipys_distribution(kind):
    task = make({"y": COUNTS}, output=kind)
    batch, shape = of_test(task), task.ends.outputs
    truth, scale = batch.target.double().numpy(), np.array(task.ends.output_scale).reshape(shape)[:, 0]
    p = {"gaussian": [15.0, 4.0], "student": [15.0, 4.0, 5.0], "negative-binomial": [15.0, 0.2]}.get(kind)
    p = [10.0, 12, 14, 15, 17, 19, 22] if p is None else p
    y = torch.tensor(p).view(1, 1, -1, 1).expand(len(truth), *shape).flatten(1)
    whole = torch.zeros(len(truth), 4, y.shape[1])
    whole[:, -1] = y
    total, count = task.loss(whole, batch.lengths, batch)
    if kind == "gaussian":
        want = -stats.norm(p[0], p[1]).logpdf(truth) - np.log(scale)
    elif kind == "student":
        want = -stats.t(p[2], p[0], p[1]).logpdf(truth) - np.log(scale)
    elif kind == "negative-binomial":
        want = -stats.nbinom(1 / p[1], 1 / (1 + p[0] * p[1])).logpmf(truth)
    else:
        levels = np.array(task.options.quantiles)
        edges = np.concatenate(([0], (levels[1:] + levels[:-1]) / 2, [1]))
        short = truth[..., None] - np.array(p)
        want = 2 * (np.diff(edges) * np.maximum(levels * short, (levels - 1) * short)).sum(-1) / scale
    assert float(total) == pytest.approx(want.sum(), rel=1e-4)
    assert int(count) == truth.size


def test_scores_of_intervals_by_hand_and_for_any_batch_size():
    task = make({"y": COUNTS}, output="gaussian", interval=0.5)
    batch = of_test(task)
    y = torch.tensor([20.0, 3.0]).view(1, 1, 2, 1).expand(len(batch.target), 2, 2, 1).flatten(1)
    scores = task.metrics()
    scores.update(y, batch)
    found, truth = scores.compute(), batch.target.double().numpy()
    low, high = stats.norm(20, 3).interval(0.5)
    assert found["coverage"] == pytest.approx(((truth >= low) & (truth <= high)).mean())
    assert found["width"] == pytest.approx(high - low)
    z = (truth - 20) / 3
    law = stats.norm()
    assert found["crps"] == pytest.approx(3 * (z * (2 * law.cdf(z) - 1) + 2 * law.pdf(z) - np.pi**-0.5).mean())
    assert found["mae"] == pytest.approx(np.abs(truth - 20).mean())
    assert set(found) == {"mae", "mse", "rmse", "mase", "skill", *task.options.more_metrics()}


def test_naive_forecasts_have_the_spread_of_their_errors_in_train():
    steps = np.random.default_rng(1).normal(size=4000)
    task = make({"y": steps.cumsum()}, output="quantiles", horizon=1, interval=0.8)
    scores = task.baselines("test")["repeat-last"]
    assert scores["coverage"] == pytest.approx(0.8, abs=0.03)
    assert scores["width"] == pytest.approx(2 * 1.2816, rel=0.06)
    assert scores["skill"] == 0  # its median is the last value itself
    assert scores["crps"] < 0.75 * scores["mae"]


def test_scores_in_standard_units_are_those_of_the_scaled_series():
    raw, scaled = (make({"y": y}, scores="standard", season=6) for y in (COUNTS * 50 + 7, COUNTS / COUNTS[:84].std()))
    for name, found in raw.baselines("test").items():
        assert found == pytest.approx(scaled.baselines("test")[name], rel=1e-4)


# -- the two ends ------------------------------------------------------------------------------------------------------


def test_a_running_anchor_makes_a_model_blind_to_level_and_unit():
    task = make({"y": COUNTS}, anchor="running")
    model, x, lengths = model_of(task.ends), torch.rand(2, 12, 1) * 20, torch.tensor([12, 7])
    y = model(x, lengths, model.initial_state(2))[0]
    moved = model(4 * x + 100, lengths, model.initial_state(2))[0]
    torch.testing.assert_close(moved[0, 2:], 4 * y[0, 2:] + 100, rtol=2e-3, atol=0.05)  # before, the deviation is eps
    assert task.ends.normalise
    assert set(task.ends.output_shift) == {0.0}


def test_counts_are_needed_where_counts_are_answered():
    with pytest.raises(DataError, match=r"column 'y' holds 0.5, but output: negative-binomial answers counts"):
        make({"y": np.where(np.arange(120) == 30, 0.5, COUNTS)}, output="negative-binomial")


# -- rows --------------------------------------------------------------------------------------------------------------

HOURS = np.arange("2020-01-01T00", "2020-01-06T00", dtype="datetime64[h]").astype("datetime64[us]")


def test_rows_are_sorted_merged_and_set_on_even_steps():
    keep = np.delete(np.arange(120), [50, 51])
    rows = np.concatenate((keep[::-1], [10, 10]))
    y = COUNTS[rows] + np.where(np.arange(len(rows)) >= 118, [6.0], 0.0)
    options = {"time": "t", "order": "sort", "repeated": "mean", "step": "1h", "missing": "interpolate"}
    task = make({"y": y, "t": HOURS[rows]}, **options)
    values = task.series.values[:, 0]
    assert len(values) == 120
    assert values[10] == pytest.approx(COUNTS[10] + 4)  # the mean of one as it was and two with 6 more
    np.testing.assert_allclose(values[49:53], np.linspace(COUNTS[49], COUNTS[52], 4))
    assert task.series.filled[:, 0].sum() == 2
    notes = " ".join(task.describe()["notes"])
    assert "rows were sorted by time" in notes
    assert "2 rows repeat a time, the first of them 2020-01-01T10:00:00: their mean was taken" in notes
    assert "2 rows are missing, the first after 2020-01-03T01:00:00: they are gaps" in notes
    with pytest.raises(DataError, match=r"comes before 2020-01-05T23:00:00 on row 1(?s:.*)order: sort"):
        make({"y": y, "t": HOURS[rows]}, time="t")
    with pytest.raises(DataError, match=r"2020-01-01T10:00:00 appears twice(?s:.*)repeated: first, last or mean"):
        make({"y": y, "t": HOURS[rows]}, time="t", order="sort")
    with pytest.raises(DataError, match="is no whole number of steps of 7200 s after"):
        make({"y": COUNTS, "t": HOURS}, time="t", step="2h", missing="previous")


def test_calendar_and_mask_are_columns():
    gappy = np.where(np.isin(np.arange(120), [5, 6, 30]), np.nan, COUNTS)
    task = make({"y": gappy, "t": HOURS}, time="t", calendar=("hour", "weekday"), mask=True, missing="previous")
    names = ("y", "hour sin", "hour cos", "weekday sin", "weekday cos", "y missing")
    assert task.series.features == task.ends.features == names
    np.testing.assert_allclose(task.series.values[6, 1:3], [1.0, 0.0], atol=1e-12)  # six o'clock: a quarter of a turn
    assert task.series.values[:, 5].nonzero()[0].tolist() == [5, 6, 30]
    assert task.manifest()["rows"]["calendar"] == ["hour", "weekday"]


def test_the_calendar_by_hand():
    times = np.array(["2024-01-01", "2024-01-02T12:00", "1969-07-20", "2023-12-31T23:59:59"], dtype="datetime64[s]")
    day = (np.array([0.0, 1.5, 6.0, 6.99999]) / 7) * 2 * np.pi  # two Mondays' weeks, and two Sundays
    np.testing.assert_allclose(calendar(times, ("weekday",))[:, 0], np.sin(day), atol=1e-4)
    year = calendar(times, ("yearday",))
    assert year[0].tolist() == [0.0, 1.0]
    assert year[3] == pytest.approx([0.0, 1.0], abs=0.01)


def test_folds_roll_the_origin_and_rows_cut_where_they_say():
    spans = [
        make({"y": COUNTS}, SeriesSplit(valid=0.1, test=0.2, folds=3, fold=i)).series.parts[0].spans for i in range(3)
    ]
    assert [(s["train"].stop, s["test"].first, s["test"].stop) for s in spans] == [
        (36, 48, 72),
        (60, 72, 96),
        (84, 96, 120),
    ]
    rows = make({"y": COUNTS}, SeriesSplit(rows=(60, 20, 30))).series.parts[0].spans
    assert [(s.first, s.stop) for s in rows.values()] == [(0, 60), (60, 80), (80, 110)]
    with pytest.raises(DataError, match=r"has 120 rows, but split.rows adds up to 130"):
        make({"y": COUNTS}, SeriesSplit(rows=(80, 20, 30)))
