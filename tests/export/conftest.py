"""Exported bundles, made once: exporting takes seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from seqhub.export import BundleReport, export_bundle
from seqhub.nn import Recurrent, Residual, SequenceModel
from seqhub_attention.local import LocalAttention
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_conv.conv1d import Conv1d
from tests.export.layers import model_of, plain_ends

FORECAST = {"type": "forecast", "lookback": 12, "horizon": 4, "targets": ["out0"], "source": "/home/someone/data.csv"}


@dataclass(frozen=True)
class Exported:
    model: SequenceModel
    report: BundleReport
    lines: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.report.folder


@pytest.fixture(scope="session")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Causal convolution, native GRU, windowed attention; a forecast of changes. No look-ahead."""
    ends = plain_ends(3, (4, 1), difference=True, anchor=(0,) * 4)
    model = model_of(
        Conv1d(8, channels=8, kernel=5),
        Recurrent(GRUCell(8, hidden=8)),
        Residual(LocalAttention(8, heads=2, window=6)),
        ends=ends,
    )
    providers = {"block0": "seqhub-conv/conv1d==0.1.0", "block1": "seqhub-cells/gru==0.1.0"}
    out = tmp_path_factory.mktemp("hybrid") / "bundle"
    lines: list[str] = []
    scores = {"metrics": {"mae": 0.25}, "baselines": {"repeat-last": {"mae": 0.5}}}
    report = export_bundle(model, ends, FORECAST, providers, out, name="hybrid", card=scores, on_progress=lines.append)
    return Exported(model, report, tuple(lines))


@pytest.fixture(scope="session")
def ahead(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Centred strided convolution, a cell that becomes Scan, a running mean; a classification. Looks ahead."""
    ends = plain_ends(3, (4,), pool="mean")
    model = model_of(
        Conv1d(8, channels=6, kernel=4, stride=2, padding="centred"),
        Recurrent(LayerNormLSTMCell(6, hidden=5)),
        ends=ends,
    )
    out = tmp_path_factory.mktemp("ahead") / "bundle"
    report = export_bundle(model, ends, {"type": "classify", "labels": list(ends.output_names)}, {}, out, name="ahead")
    return Exported(model, report, ())


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
