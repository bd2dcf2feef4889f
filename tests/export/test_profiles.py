"""The profiles: other opsets are proven the same way, and fused files are flagged, proven, and needed by nothing."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnxruntime
import pytest

from seqhub.export import export_bundle, verify_bundle
from seqhub.export.fused import fuse
from seqhub.export.sides import lower_sides, sides_of
from seqhub.nn import Residual
from seqhub.runtime import load
from seqhub_attention.local import LocalAttention
from seqhub_conv.conv1d import Conv1d
from tests.export.layers import Gain, model_of

pytestmark = pytest.mark.heavy


@pytest.mark.slow
def test_modern_graphs_hold_newer_operators_and_the_same_proof(tmp_path: Path) -> None:
    model = model_of(Conv1d(3, channels=4, kernel=3), Residual(LocalAttention(4, heads=2, window=6)))
    out = tmp_path / "bundle"
    report = export_bundle(model, model.ends, {"type": "other"}, {}, out, name="m", profile="modern")
    graph = onnx.load(out / "full.onnx")
    assert graph.opset_import[0].version == 24
    assert "Attention" in {node.op_type for node in graph.graph.node}
    assert load(out).manifest.raw["profile"] == "modern"
    assert report.graphs["stream"]["chunked"]["cases"] == 180
    assert [check for check in verify_bundle(out) if check.ok is False] == []


def test_fused_files_are_proven_flagged_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqhub.export.fused.SHARE", 1e6)  # whatever they gain
    model, out, lines = model_of(Gain()), tmp_path / "bundle", list[str]()
    export_bundle(
        model,
        model.ends,
        {"type": "other"},
        {},
        out,
        name="m",
        profile="ort",
        graphs=["full"],
        on_progress=lines.append,
    )
    manifest = json.loads((out / "seqhub.json").read_text())
    assert manifest["ort"]["onnxruntime"] == onnxruntime.__version__
    assert manifest["ort"]["graphs"]["full"]["file"] == "full.ort.onnx"
    assert set(manifest["files"]) == {"full.onnx", "full.ort.onnx", "parity.json"}
    assert json.loads((out / "parity.json").read_text())["ort"]["full"]["cases"] >= 100
    assert any(line.startswith("full.ort.onnx: opens in") for line in lines)
    (out / "full.ort.onnx").write_bytes(b"")  # nothing needs it but the checksums
    assert load(out, verify=False).predict is not None


def test_fused_files_that_gain_nothing_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqhub.export.fused.SHARE", 0.0)
    model, out = model_of(Gain()), tmp_path / "bundle"
    export_bundle(model, model.ends, {"type": "other"}, {}, out, name="m", profile="ort", graphs=["full"])
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "full.onnx", "parity.json", "seqhub.json"]
    assert "ort" not in json.loads((out / "seqhub.json").read_text())


def test_what_a_fused_graph_requires_is_named() -> None:
    model = model_of(Residual(LocalAttention(4, heads=2, window=6)))
    (side,) = sides_of(model, model.ends, ["full"], {})
    graph = lower_sides([side], 20)["full"]
    assert {node.domain for node in graph[0].graph.node} == {""}
    assert "com.microsoft" in fuse(graph, side, 1e-4).requires
