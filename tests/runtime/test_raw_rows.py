"""A raw file read by the runtime as training reads it: order, repeats, missing rows, gaps, calendar, mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqhub.data.configs import CsvConfig
from seqhub.data.csv_file import CsvSource
from seqhub.errors import BundleError
from seqhub.runtime.files import read_items
from seqhub.runtime.raw_rows import RawRows
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData
from seqhub.tasks.forecast import Forecast

OPTIONS = {"order": "sort", "repeated": "mean", "step": "1h", "missing": "interpolate", "calendar": ("hour", "yearday")}


def write(path: Path) -> Path:
    """Forty hours, shuffled, one of them twice, two of them not at all, one cell empty."""
    rng = np.random.default_rng(0)
    hours = np.datetime64("2021-03-01T00:00") + np.arange(40) * np.timedelta64(1, "h")
    kept = rng.permutation(np.delete(np.arange(40), [7, 8]))
    lines = [f"{hours[i]},{'' if i == 20 else i * i}" for i in [*kept, 12]]
    path.write_text("when,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_runtime_reads_what_training_reads(tmp_path):
    path = write(tmp_path / "load.csv")
    data = ForecastData(target=("y",), time="when", mask=True, **OPTIONS)
    task = Forecast(ForecastConfig(lookback=4), data, CsvSource(CsvConfig(path=path.name), tmp_path), 0)
    task.prepare()
    raw = RawRows.of(task.manifest())
    (item,) = read_items(path, task.ends.features, time="when", raw=raw)
    np.testing.assert_array_equal(item.steps, task.series.values.astype(np.float32))
    assert item.steps.shape == (40, 6)
    assert item.steps[:, 5].nonzero()[0].tolist() == [7, 8, 20]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("when,y\n2021-03-01,1\nyesterday,2\n", r"line 3|:3:.*'yesterday', which is no time"),
        ("when,y\n2021-03-01T00:00,\n2021-03-01T01:00,2\n", "the first values are missing"),
        ("when,y\n2021-03-01T00:00,1\n2021-03-01T00:20,2\n", "is no whole number of steps of 3600 s"),
        ("y\n1\n2\n", "there is no column 'when'"),
        ("when,y\n2021-03-01T00:00,inf\n", "expected a finite float32"),
    ],
)
def test_what_cannot_be_read_names_its_line(tmp_path, text, message):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    raw = RawRows(order="sort", repeated="mean", step_s=3600, missing="interpolate", calendar=("hour",))
    with pytest.raises(BundleError, match=message):
        read_items(path, ("y", "hour sin", "hour cos"), time="when", raw=raw)


def test_rows_that_are_read_as_they_are():
    assert RawRows.of({"type": "forecast"}) is None
    with pytest.raises(BundleError, match="no input file"):
        read_items(Path("nowhere.csv"), ("y",))
