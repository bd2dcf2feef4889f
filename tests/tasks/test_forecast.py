"""Forecasting, by numbers worked out by hand, and by what must not leak."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from seqhub.data.batch import Batch
from seqhub.data.table import Sequences, Table
from seqhub.errors import DataError
from seqhub.tasks.base import last_outputs
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, SeriesSplit
from seqhub.tasks.forecast import Forecast


@dataclasses.dataclass
class Columns:
    """A source of columns that are given."""

    columns: dict[str, Any]

    def read(self) -> Table:
        return Table(self.columns, "given")


def make(columns: dict[str, Any], *, split: tuple[float, float] = (0.1, 0.2), **options: Any) -> Forecast:
    names = {field.name for field in dataclasses.fields(ForecastData)}
    data = {"target": ("y",), **{name: value for name, value in options.items() if name in names}}
    rest = {name: value for name, value in options.items() if name not in names}
    task = Forecast(
        ForecastConfig(**{"lookback": 4, "horizon": 2, **rest}),
        ForecastData(**data, split=SeriesSplit(valid=split[0], test=split[1])),
        Columns(columns),
        seed=0,
    )
    task.prepare()
    return task


WAVE = np.sin(np.arange(100) / 3) * 10 + np.arange(100) ** 1.5 / 10


def batches(task: Forecast, split: str, size: int) -> list[Batch]:
    items = task.dataset(split)
    return [task.collate([items[i] for i in range(n, min(n + size, len(items)))]) for n in range(0, len(items), size)]


# -- the two ends ------------------------------------------------------------------------------------------------------


def test_scalers_see_the_training_rows_only():
    task = make({"y": WAVE, "z": WAVE**2}, covariates=("z",))
    train = np.stack([WAVE, WAVE**2], axis=1)[:70]
    np.testing.assert_allclose(task.ends.input_shift, train.mean(axis=0))
    np.testing.assert_allclose(task.ends.input_scale, train.std(axis=0))
    np.testing.assert_allclose(task.ends.output_shift, [WAVE[:70].mean()] * 2)
    np.testing.assert_allclose(task.ends.output_scale, [WAVE[:70].std()] * 2)
    assert (task.ends.features, task.ends.outputs, task.ends.output_names) == (("y", "z"), (2, 1), ("y",))


def test_nothing_of_a_later_split_reaches_the_training():
    """Change every row behind train: ends and training items stay what they were."""
    changed = np.where(np.arange(100) < 70, WAVE, -999.0)
    task, other = (make({"y": y}, anchor="last", inputs="difference", supervise="all") for y in (WAVE, changed))
    assert task.ends == other.ends
    for a, b in zip(batches(task, "train", 7), batches(other, "train", 7), strict=True):
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.target, b.target)
    assert task.metrics().naive_error == other.metrics().naive_error


def test_differences_and_changes_since_the_last_value():
    task = make({"y": WAVE, "x": WAVE * 2}, target=("y", "x"), inputs="difference", anchor="last", horizon=3)
    train = WAVE[:70]
    np.testing.assert_allclose(task.ends.input_scale, [np.diff(train).std(), 2 * np.diff(train).std()])
    expected = [f(factor * (train[h:] - train[:-h])) for f in (np.mean,) for h in (1, 2, 3) for factor in (1, 2)]
    np.testing.assert_allclose(task.ends.output_shift, expected)
    np.testing.assert_allclose(task.ends.output_scale[4], (train[3:] - train[:-3]).std())
    assert task.ends.anchor == (0, 1, 0, 1, 0, 1)
    assert task.ends.difference


# -- loss and answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "at_two"), [("mse", 4.0), ("mae", 2.0), ("huber", 1.5)])
def test_the_loss_is_in_units_of_the_output_scale(loss, at_two):
    task = make({"y": WAVE}, loss=loss)
    (batch,) = batches(task, "test", 100)
    scale = torch.tensor(task.ends.output_scale)
    y = torch.zeros(len(batch.lengths), 4, 2)
    y[:, -1] = batch.target.flatten(1) + 2 * scale
    total, count = task.loss(y, batch.lengths, batch)
    assert count == 2 * len(batch.lengths)
    assert total / count == pytest.approx(at_two, rel=1e-5)


def test_the_loss_in_units_of_the_columns_counts_near_and_far_steps_alike():
    columns = {"y": WAVE, "x": WAVE * 5}
    own, alike = (
        make(columns, target=("y", "x"), anchor="last", horizon=3, loss="mae", loss_units=units)
        for units in ("outputs", "columns")
    )
    (batch,) = batches(alike, "test", 100)
    y = torch.zeros(len(batch.lengths), 4, 6)
    for output in range(6):  # step by step, columns side by side
        deviation = columns["yx"[output % 2]][:70].std()
        y[:, -1] = batch.target.flatten(1)
        y[:, -1, output] += 2 * deviation
        total, _ = alike.loss(y, batch.lengths, batch)
        assert total / len(batch.lengths) == pytest.approx(2.0, rel=1e-4)
        other, _ = own.loss(y, batch.lengths, batch)
        assert other / len(batch.lengths) == pytest.approx(2 * deviation / own.ends.output_scale[output], rel=1e-4)


def test_a_spread_has_units_of_its_own():
    config = ForecastConfig(lookback=4, output="gaussian", loss_units="columns")
    assert [field for field, _, _ in config.problems(1)] == ["loss_units"]


def test_every_step_is_supervised_with_its_own_future():
    task = make({"y": WAVE}, supervise="all")
    batch = batches(task, "train", 9)[0]
    assert batch.target.shape == (9, 4, 2, 1)
    y = batch.target.flatten(2).clone()
    assert task.loss(y, batch.lengths, batch)[0] == 0
    y[3, 1, 0] += 3 * task.ends.output_scale[0]
    total, count = task.loss(y, batch.lengths, batch)
    assert (float(total), int(count)) == (pytest.approx(9.0, rel=1e-4), 9 * 4 * 2)
    longer = torch.cat([y, torch.full((9, 2, 2), 1e9)], dim=1)  # steps behind the lengths do not count
    assert task.loss(longer, batch.lengths, batch)[0] == total
    assert batches(task, "valid", 9)[0].target.dim() == 3  # evaluation scores the last step


def test_the_answer_is_the_output_at_the_last_valid_step():
    y = torch.arange(24.0).view(2, 6, 2)
    assert last_outputs(y, torch.tensor([6, 3])).tolist() == [[10, 11], [16, 17]]
    with pytest.raises(DataError, match="row 2 of a batch is shorter than a block of the model"):
        last_outputs(y, torch.tensor([6, 0]))


# -- scores and baselines ----------------------------------------------------------------------------------------------


def test_scores_are_those_of_numpy_for_any_batch_size():
    task = make({"y": WAVE, "x": WAVE**2 / 50}, target=("y", "x"), season=6, horizon=3, lookback=8)
    noise = torch.randn(len(task.dataset("test")), 3, 2, generator=torch.Generator().manual_seed(1))
    results = []
    for size in (1, 5, 64):
        scores = task.metrics()
        for batch in batches(task, "test", size):
            scores.update((batch.target + noise[batch.index]).flatten(1), batch)
        results.append(scores.compute())
    error = noise.double().numpy()
    both = np.stack([WAVE, WAVE**2 / 50], axis=1)
    mae = np.abs(error).mean(axis=(0, 1))
    naive = np.abs(both[6:70] - both[:64]).mean(axis=0)
    ends = np.arange(79, 97)
    repeat = np.abs(np.stack([both[ends + h] - both[ends] for h in (1, 2, 3)])).mean(axis=(0, 1))
    expected = {
        "mae": mae.mean(),
        "mse": (error**2).mean(),
        "rmse": np.sqrt((error**2).mean()),
        "mase": (mae / naive).mean(),
        "skill": (1 - mae / repeat).mean(),
    }
    for result in results:
        assert result == pytest.approx(expected, rel=1e-5)


def test_baselines_by_hand():
    values = np.array([1, 4, 2, 8, 5, 7, 1, 4, 2, 9, 5, 7, 3, 4, 4, 10, 5, 8, 3, 6], dtype=float)
    task = make({"y": values}, season=3, horizon=4, lookback=3, split=(0.2, 0.2))
    assert task.dataset("test").ends == range(15, 16)  # the only window: 15 -> 16, 17, 18, 19
    naive = {name: answer[0].tolist() for name, answer in task.naive_answers("test").items()}
    assert naive == {
        "repeat-last": [10, 10, 10, 10],
        "drift": [13, 16, 19, 22],  # by (10 - 4) / 2 a step, over the lookback of 3
        "seasonal": [4, 4, 10, 4],  # rows 13, 14, 15, and two seasons back for the fourth: 13
        "seasonal-drift": [4 + 10 - 3, 4 + 10 - 3, 10 + 10 - 3, 4 + 10 - 9],  # since row 12, and since row 9
    }
    truth = np.array([5, 8, 3, 6])
    scores = task.baselines("test")
    for name, answer in naive.items():
        assert scores[name]["mae"] == pytest.approx(np.abs(np.array(answer) - truth).mean())
    assert scores["repeat-last"]["skill"] == 0
    assert scores["seasonal"]["skill"] == pytest.approx(1 - (1 + 4 + 7 + 2) / 4 / 4.5)


def test_a_baseline_that_cannot_answer_every_window_is_left_out():
    task = make({"y": WAVE}, season=30)
    assert set(task.baselines("test")) == {"repeat-last", "drift", "seasonal", "seasonal-drift"}
    assert set(task.baselines("train")) == {"repeat-last", "drift"}
    assert set(make({"y": WAVE}).baselines("test")) == {"repeat-last", "drift"}


def test_a_perfect_season_is_answered_perfectly():
    task = make({"y": np.tile([1.0, 5.0, 3.0], 40)}, season=3)
    assert task.baselines("test")["seasonal"]["mae"] == 0
    assert task.baselines("test")["seasonal"]["mase"] == 0


def test_every_window_of_every_split_is_scored():
    task = make({"y": WAVE}, stride=3)
    assert [len(task.dataset(name)) for name in ("train", "valid", "test")] == [22, 9, 19]
    with pytest.raises(ValueError, match="there is no split 'dev'"):
        task.dataset("dev")


# -- data --------------------------------------------------------------------------------------------------------------


def test_gaps_are_filled_only_when_asked():
    gappy = WAVE.copy()
    gappy[[20, 21, 95]] = np.nan
    with pytest.raises(DataError, match=r"row 21, column 'y': the value is missing"):
        make({"y": gappy})
    task = make({"y": gappy}, missing="interpolate")
    np.testing.assert_allclose(task.series.values[19:23, 0], np.linspace(WAVE[19], WAVE[22], 4))
    report = task.describe()
    assert [split["filled"] for split in report["splits"]] == [2, 0, 1]
    assert any("1 target values of test were filled" in warning for warning in report["warnings"])
    assert make({"y": gappy}, missing="previous").series.values[20:22, 0].tolist() == [WAVE[19]] * 2
    gappy[0] = np.nan
    with pytest.raises(DataError, match=r"row 1, column 'y': the value is missing and the column starts here"):
        make({"y": gappy}, missing="interpolate")
    gappy[5] = np.inf
    with pytest.raises(DataError, match="the value is inf"):
        make({"y": gappy}, missing="previous")


def test_what_is_too_short_says_what_would_fit():
    with pytest.raises(DataError, match=r"has 30 rows, 21 of them for train; one window needs 25 (?s:.*)at most 19"):
        make({"y": WAVE[:30]}, lookback=23)
    with pytest.raises(DataError, match=r"3 of them for valid; one window needs 5 \(horizon 5\)"):
        make({"y": WAVE[:30]}, horizon=5)


def test_nothing_to_learn():
    with pytest.raises(DataError, match=r"column 'y' is 3 in every row of train"):
        make({"y": np.where(np.arange(100) < 80, 3.0, WAVE)})


def test_sequences_are_refused():
    class Source:
        def read(self) -> Sequences:
            return Sequences([np.zeros((3, 1))], ["a"], ("x",), "digits")

    with pytest.raises(DataError, match=r"gives labelled sequences; forecast needs a table(?s:.*)task: classify"):
        Forecast(ForecastConfig(lookback=2), ForecastData(target=("y",)), Source(), 0).prepare()


def test_report_warns_of_what_a_model_of_levels_cannot_reach_and_of_missing_rows():
    day = np.arange("2020-01-01", "2020-04-10", dtype="datetime64[D]").copy()
    day[50:] += np.timedelta64(3, "D")
    report = make({"y": np.arange(100.0), "t": day, "c": np.ones(100)}, time="t", covariates=("c",)).describe()
    assert report["step"] == "1 days"
    assert [split["first"] for split in report["splits"]] == ["2020-01-01", "2020-03-14", "2020-03-24"]
    words = " ".join(report["warnings"])
    assert "100% of the test values of 'y' lie outside the range of train" in words
    assert "1 steps in time are longer than usual, the first after 2020-02-19" in words
    assert "column 'c' never changes in train" in words


def test_records_carry_times_truth_and_prediction():
    task = make({"y": WAVE, "year": np.arange(1900.0, 2000.0)}, time="year")
    answers = torch.arange(2.0 * len(task.dataset("test"))).view(-1, 2)
    records = task.records(answers, "test")
    assert len(records) == 19
    assert records[1]["times"] == ["1981", "1982"]
    assert records[1]["prediction"] == {"y": [2.0, 3.0]}
    np.testing.assert_allclose(records[1]["truth"]["y"], WAVE[81:83])


def test_manifest_is_json_and_names_the_columns():
    manifest = make({"y": WAVE, "z": WAVE}, covariates=("z",), season=6).manifest()
    assert manifest == {
        "type": "forecast", "lookback": 4, "horizon": 2, "season": 6,
        "targets": ["y"], "covariates": ["z"], "time": None, "source": "given",
    }  # fmt: skip
