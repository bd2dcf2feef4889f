"""Rows at uneven times: the time between them as a column, and as `ctx.dt` of layers of continuous time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqhub.data.configs import CsvConfig
from seqhub.data.csv_file import CsvSource
from seqhub.errors import DataError
from seqhub.export.compare import Units
from seqhub.export.lower import lower
from seqhub.export.parity import prove
from seqhub.export.twin import DeploymentTwin
from seqhub.geometry import Geometry, window_geometry
from seqhub.nn import Chain, Context, Ends, Recurrent, SequenceModel
from seqhub.runtime.files import read_items
from seqhub.runtime.raw_rows import RawRows
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData
from seqhub.tasks.forecast import Forecast
from seqhub_cells.cfc import CfCCell
from seqhub_cells.gru import GRUCell
from seqhub_conv.conv1d import Conv1d

HOURS = np.cumsum(np.random.default_rng(0).integers(1, 9, 60))


def uneven(tmp_path, **options):
    times = np.datetime64("2021-03-01T00:00") + HOURS * np.timedelta64(1, "h")
    lines = [f"{time},{np.sin(hour / 9):.6f}" for time, hour in zip(times, HOURS, strict=True)]
    (tmp_path / "uneven.csv").write_text("when,y\n" + "\n".join(lines) + "\n")
    data = ForecastData(target=("y",), time="when", elapsed="2h", **options)
    task = Forecast(ForecastConfig(lookback=4), data, CsvSource(CsvConfig(path="uneven.csv"), tmp_path), 0)
    task.prepare()
    return task


def test_the_column_is_the_time_since_the_row_before_in_units(tmp_path):
    task = uneven(tmp_path)
    assert task.ends.features == ("y", "elapsed")
    assert task.ends.elapsed == 1
    assert Ends.from_dict(task.ends.as_dict()) == task.ends
    np.testing.assert_allclose(task.series.values[:, 1], np.concatenate(([1.0], np.diff(HOURS) / 2)))


def test_the_runtime_reads_what_training_reads(tmp_path):
    task = uneven(tmp_path)
    raw = RawRows.of(task.manifest())
    assert raw is not None
    assert raw.columns(task.ends.features) == ("y",)
    (item,) = read_items(tmp_path / "uneven.csv", task.ends.features, time="when", raw=raw)
    np.testing.assert_array_equal(item.steps, task.series.values.astype(np.float32))


def test_what_would_lose_the_times_is_refused(tmp_path):
    task = uneven(tmp_path)
    task.check_geometry(Geometry(width=4))
    with pytest.raises(DataError, match="elapsed: the time between two rows cannot pass blocks with strides"):
        task.check_geometry(window_geometry(4, kernel=2, stride=2))
    body = Chain(4, {"c": Conv1d(4, channels=4, kernel=2, stride=2), "r": Recurrent(CfCCell(4, hidden=3))})
    with pytest.raises(ValueError, match="elapsed times cannot pass a layer that changes the time axis"):
        SequenceModel(task.ends, body)


def test_options_that_contradict_each_other():
    data = ForecastData(target=("y",), time="when", elapsed="2h", step="1h", missing="previous")
    assert [(field, what) for field, what, _ in data.problems(0)] == [
        ("elapsed", "with step every row is as far from the one before")
    ]
    assert [field for field, _, _ in ForecastData(target=("y",), elapsed="2h").problems(0)] == ["elapsed"]
    assert [field for field, _, _ in ForecastData(target=("y",), time="t", elapsed="soon").problems(0)] == ["elapsed"]


def model(ends, cell):
    torch.manual_seed(0)
    return SequenceModel(ends, Chain(4, {"cell": Recurrent(cell(4, hidden=3))})).eval()


def test_a_cell_of_continuous_time_reads_it_as_it_is(tmp_path):
    """With the column's own input weights at zero, time reaches the answer through `ctx.dt` alone."""
    ends = uneven(tmp_path).ends
    x, lengths = torch.rand(2, 6, 2) + 0.1, torch.tensor([6, 4])
    x[1, 4:] = float("nan")
    for cell, differs in ((CfCCell, True), (GRUCell, False)):
        layer = model(ends, cell)
        with torch.no_grad():
            layer.stack["embed"].module[0].weight[:, 1] = 0
            y, _, _ = layer(x, lengths, layer.initial_state(2))
            later = x.clone()
            later[:, 3, 1] *= 5
            moved, _, _ = layer(later, lengths, layer.initial_state(2))
            assert torch.equal(y[:, :3], moved[:, :3])
            assert bool((y[0, 3] != moved[0, 3]).any()) == differs
            hidden = layer.stack["embed"](
                *layer.stack["input"](x, lengths, layer.stack["input"].initial_state(2))[:2], {}
            )[0]
            dt = torch.where(torch.arange(6) < lengths[:, None], x[:, :, 1], torch.zeros(()))
            inner = layer.stack["cell"]
            by_hand, _, _ = inner(hidden, lengths, inner.initial_state(2), None, Context(dt=dt))
            plain, _, _ = inner(hidden, lengths, inner.initial_state(2))
            assert bool((by_hand != plain).any()) == differs
            head, _, _ = layer.stack["head"](by_hand, lengths, {})
            torch.testing.assert_close(y[0], head[0] * layer.output_scale + layer.output_shift)


@pytest.mark.heavy
@pytest.mark.parametrize("role", ["full", "stream"])
def test_both_graphs_carry_it(tmp_path, role):
    layer = model(uneven(tmp_path).ends, CfCCell)
    graph, info = lower(DeploymentTwin(layer, role).eval(), role, opset=20)
    report, failure = prove(layer, graph, info, role, Units.of(layer.ends.as_dict()), 1e-4)
    assert failure is None
    assert report["cases"] > 50
