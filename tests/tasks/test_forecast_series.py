"""Several series in one table, columns that are known in advance, and the symmetric percentage error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqhub.cli.pictures import forecast_pictures
from seqhub.data.configs import CsvConfig
from seqhub.data.csv_file import CsvSource
from seqhub.errors import BundleError, DataError
from seqhub.runtime.files import read_items
from seqhub.runtime.raw_rows import RawRows
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, SeriesSplit
from seqhub.tasks.forecast import Forecast
from seqhub.tasks.measures import Smape

A = np.sin(np.arange(40) / 2) * 5 + 20
B = np.cos(np.arange(30) / 3) * 100


def row(store: str, at: int, *cells: float) -> str:
    return ",".join([store, str(np.datetime64("2021-01-01") + at), *(repr(float(cell)) for cell in cells)])


def write(path: Path, rows: list[str], header: str = "store,day,y,size") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def two(path: Path) -> Path:
    """Store a of 40 days, b of 30, their rows mixed; `size` never changes within a store."""
    a = [(at, row("a", at, value, 3)) for at, value in enumerate(A)]
    b = [(at, row("b", at, value, 7)) for at, value in enumerate(B)]
    return write(path, [text for _, text in sorted([*b, *a])])


def make(path: Path, data: dict[str, Any], **options: Any) -> Forecast:
    given = {"target": ("y",), "time": "day", "split": SeriesSplit(valid=0.2, test=0.2), **data}
    config = ForecastConfig(**{"lookback": 4, "horizon": 2, **options})
    task = Forecast(config, ForecastData(**given), CsvSource(CsvConfig(path=path.name), path.parent), 0)
    task.prepare()
    return task


def several(path: Path, **options: Any) -> Forecast:
    return make(two(path / "d.csv"), {"series": "store", "covariates": ("size",)}, **options)


def test_every_window_lies_in_one_series_and_each_series_is_split_by_time(tmp_path):
    task = several(tmp_path, season=5, supervise="all")
    found: dict[str, list[list[float]]] = {"a": [], "b": []}
    for split in ("train", "valid", "test"):
        items = task.dataset(split)
        for item in (items[i] for i in range(len(items))):
            assert len(set(item.x[:, 1].tolist())) == 1  # the size of one store: a window of two would have both
            target = item.target[-1] if item.target.dim() == 3 else item.target
            found["a" if item.x[0, 1] == 3 else "b"].append([*item.x[:, 0].tolist(), *target[:, 0].tolist()])
    for name, values, cuts in (("a", A, (24, 32, 40)), ("b", B, (18, 24, 30))):
        ends = [end for first, stop in zip((4, *cuts), cuts, strict=False) for end in range(first, stop - 1)]
        expected = [values[end - 4 : end + 2] for end in ends]
        np.testing.assert_allclose(found[name], expected, rtol=1e-6)


def test_units_and_naive_errors_are_those_of_all_series(tmp_path):
    task = several(tmp_path, season=5, inputs="difference", anchor="last")
    trains = [A[:24], B[:18]]
    change = np.concatenate([np.diff(train) for train in trains])
    np.testing.assert_allclose(task.ends.input_scale[0], change.std())
    two_steps = np.concatenate([train[2:] - train[:-2] for train in trains])
    np.testing.assert_allclose(task.ends.output_shift[1], two_steps.mean())
    naive = np.abs(np.concatenate([train[5:] - train[:-5] for train in trains])).mean()
    assert float(task.metrics().naive_error) == pytest.approx(naive)
    assert several(tmp_path).ends.input_scale[1] == pytest.approx(np.std([3.0] * 24 + [7.0] * 18))


def test_naive_forecasts_look_back_into_their_own_series_only(tmp_path):
    task = several(tmp_path, season=5)
    naive = task.naive_answers("test")
    expected = [values[end - 4 : end - 2] for values, ends in ((A, range(31, 38)), (B, range(23, 28))) for end in ends]
    np.testing.assert_allclose(naive["seasonal"], expected, rtol=1e-6)
    assert set(several(tmp_path, season=25).naive_answers("test")) == {"repeat-last", "drift"}  # b is too short


def test_records_a_picture_and_the_report_name_the_series(tmp_path):
    task = several(tmp_path)
    test = task.dataset("test")
    records = task.records([item.target.flatten() for item in (test[i] for i in range(len(test)))], "test")
    assert [record["series"] for record in records] == ["a"] * 7 + ["b"] * 5
    assert records[7]["times"] == ["2021-01-25", "2021-01-26"]
    assert records[7]["row"] == 23
    assert all(record["truth"]["y"] == pytest.approx(record["prediction"]["y"]) for record in records)
    (picture,) = forecast_pictures(test, records, None, ["y"], "stores")
    assert (len(picture.times), picture.title) == (7, "stores: a")
    report = task.describe()
    assert [split["rows"] for split in report["splits"]] == [42, 14, 14]
    assert (report["splits"][0]["first"], report["splits"][2]["last"]) == ("2021-01-01", "2021-02-09")
    assert report["notes"] == ["2 series by 'store', of 30 to 40 rows"]
    assert (report["warnings"], report["step"]) == ([], "1 days")


def test_the_runtime_answers_each_series_of_a_file(tmp_path):
    task = several(tmp_path)
    manifest = task.manifest()
    items = read_items(
        tmp_path / "d.csv", task.ends.features, sequence=manifest["sequence"], time="day", raw=RawRows.of(manifest)
    )
    assert [item.name for item in items] == ["a", "b"]
    np.testing.assert_allclose(items[1].steps[:, 0], B, rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        ([row("c", at, at, 1) for at in range(9)], "E311", r"store 'c', has 9 rows, .* one window needs"),
        ([row("b", 29, 1, 7)], "E310", r"line 72.*2021-01-30 appears twice, first on line "),
        ([",2021-05-01,1,1"], "E309", r"line 72, column 'store': the cell is empty"),
    ],
)
def test_what_is_wrong_in_one_series_names_it(tmp_path, rows, code, words):
    path = two(tmp_path / "d.csv")
    path.write_text(path.read_text() + "\n".join(rows) + "\n")
    with pytest.raises(DataError, match=words) as caught:
        make(path, {"series": "store"})
    assert caught.value.problems[0].code == code


# -- known in advance --------------------------------------------------------------------------------------------------

HOLIDAY = (np.arange(44) % 7 == 0).astype(float)


def known(path: Path, stop: int = 40, ahead: int = 2, **cells: str) -> Path:
    """Forty days with holidays, and the holidays of the days behind them."""
    rows = [f"2021-{1 + at // 28:02d}-{1 + at % 28:02d},{float(A[at])!r},{HOLIDAY[at]}" for at in range(stop)]
    rows += [f"2021-{1 + at // 28:02d}-{1 + at % 28:02d},,{HOLIDAY[at]}" for at in range(stop, stop + ahead)]
    return write(path, [cells.get(f"row{at}", text) for at, text in enumerate(rows)], "day,y,holiday")


def test_a_known_column_is_read_over_the_horizon(tmp_path):
    task = make(known(tmp_path / "d.csv", ahead=0), {"known": ("holiday",)}, lookback=3)
    assert task.ends.features == ("y", "holiday ahead")
    item = task.dataset("test")[0]  # its targets are rows 32 and 33
    np.testing.assert_array_equal(item.x[:, 1], HOLIDAY[31:34])
    np.testing.assert_allclose(task.ends.input_shift[1], HOLIDAY[2:24].mean())  # train has 24 rows: none behind it
    with pytest.raises(DataError, match="let lookback be as long as horizon"):
        make(tmp_path / "d.csv", {"known": ("holiday",)}, lookback=3, horizon=4)


def test_a_raw_file_has_the_known_columns_of_the_rows_to_come(tmp_path):
    data = {"known": ("holiday",), "covariates": ("holiday",), "calendar": ("weekday",)}
    task = make(known(tmp_path / "d.csv", ahead=0), data)
    raw = RawRows.of(task.manifest())
    (item,) = read_items(known(tmp_path / "raw.csv"), task.ends.features, time="day", raw=raw)
    assert item.steps.shape == (40, 5)
    np.testing.assert_array_equal(item.steps[:38], task.series.values[:38].astype(np.float32))
    np.testing.assert_array_equal(item.steps[38:, 2], HOLIDAY[40:42])  # training had no such rows


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ahead": 1}, r":41.*'holiday': 1 rows stand behind the last value of a target, but 2 are forecast"),
        ({"row41": "2021-02-14,,"}, r":43.*'holiday': the value is missing"),
        ({"row12": "2021-01-13,,1"}, r":14.*'y': the value is missing"),
    ],
)
def test_a_raw_file_without_what_should_be_known(tmp_path, options, words):
    task = make(known(tmp_path / "d.csv", ahead=0), {"known": ("holiday",)})
    raw = RawRows.of(task.manifest())
    with pytest.raises(BundleError) as caught:
        read_items(known(tmp_path / "raw.csv", **options), task.ends.features, time="day", raw=raw)
    (problem,) = caught.value.problems
    assert problem.place is not None
    said = f"{problem.place.file}:{problem.place.line} {problem.message}"
    assert re.search(words, said), said


# -- symmetric percentage error ----------------------------------------------------------------------------------------


def test_smape_by_hand():
    metric = Smape()
    metric.update(torch.tensor([[110.0], [0.0], [5.0]]), torch.tensor([[90.0], [0.0], [-5.0]]))
    metric.update(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    assert metric.compute() == pytest.approx((20 + 0 + 200 + 100) / 4)
    assert np.isnan(Smape().compute())
