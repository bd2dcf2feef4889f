"""`seqhub export` and `seqhub verify` on a run that stands ready in memory."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from seqhub.cli import main
from seqhub.runtime import load
from seqhub.training.folder import RunFolder
from tests.export.layers import Shift, model_of

pytestmark = pytest.mark.heavy


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder whose model is there without having been trained."""
    folder = tmp_path / "runs" / "toy"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps({"metrics": {"mae": 0.125}, "baselines": {}, "name": "toy"}))
    model = model_of(Shift())
    component = SimpleNamespace(provider="acme/gain==1.0")
    nodes = (SimpleNamespace(name="block0", block=SimpleNamespace(component=component), branches=()),)
    reduced = SimpleNamespace(precisions=())
    verify = SimpleNamespace(tolerance=1e-5)
    section = SimpleNamespace(
        graphs=("full", "stream"), verify=verify, profile="portable", opset=None, chunk=None, reduced=reduced
    )
    recipe = SimpleNamespace(name="toy", export=section)
    loaded = SimpleNamespace(
        recipe=recipe,
        plan=SimpleNamespace(nodes=nodes, decoder=None),
        ends=model.ends,
        manifest={"type": "toy"},
        model=model,
    )
    monkeypatch.setattr(RunFolder, "open", classmethod(lambda cls, path: RunFolder(path)))
    monkeypatch.setattr(RunFolder, "load_model", lambda self, which="best": loaded)
    monkeypatch.setattr("seqhub.cli.runs.warn_of_versions", lambda folder, recipe: None)  # it reads a whole recipe
    return folder


def test_export_then_verify_with_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run)]) == 0
    output = capsys.readouterr().out
    assert "stream.onnx: exporting" in output
    assert f"bundle: {run / 'bundle'}" in output
    manifest = load(run / "bundle").manifest
    assert manifest.raw["plugins"] == ["acme/gain==1.0"]
    assert manifest.raw["blocks"] == {"block0": "acme/gain==1.0"}
    assert "0.125" in (run / "bundle" / "README.md").read_text()
    verify = ["verify", str(run / "bundle"), "--run", str(run)]
    assert main(verify) == 0
    assert "parity of stream.onnx with torch" in capsys.readouterr().out
    model = model_of(Shift())
    torch.nn.init.normal_(next(model.stack["embed"].parameters()))
    monkeypatch.setattr(RunFolder, "load_model", lambda self, which="best": SimpleNamespace(model=model))
    assert main([*verify, "--json"]) == 1
    failed = [check for check in json.loads(capsys.readouterr().out)["checks"] if check["ok"] is False]
    assert [check["name"] for check in failed] == ["parity of full.onnx with torch", "parity of stream.onnx with torch"]


def test_export_as_json_to_another_folder(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "elsewhere"
    assert main(["export", str(run), "--out", str(out), "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["folder"] == str(out)
    assert report["graphs"]["full"]["max"] < 1e-5
    assert "stream.onnx: comparing with torch" in captured.err
    assert not (run / "bundle").exists()


@pytest.mark.parametrize(("profile", "opset"), [("modern", 24), ("ort", 20)])
def test_export_with_another_profile_than_the_recipes(
    profile: str, opset: int, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seqhub.export.fused.SHARE", 1e6)  # fused files are kept, whatever they gain
    assert main(["export", str(run), "--profile", profile, "--json"]) == 0
    capsys.readouterr()
    manifest = json.loads((run / "bundle" / "seqhub.json").read_text())
    assert (manifest["profile"], manifest["opset"]) == (profile, opset)
    assert ("ort" in manifest) == (run / "bundle" / "full.ort.onnx").exists() == (profile == "ort")
    assert main(["verify", str(run / "bundle")]) == 0


def test_export_refuses_an_unknown_profile(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "--profile", "fast"]) == 2
    assert "portable" in capsys.readouterr().err
    assert not (run / "bundle").exists()


def test_export_refuses_a_folder_with_something_else(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "bundle").mkdir()
    (run / "bundle" / "notes.txt").write_text("mine")
    assert main(["export", str(run)]) == 1
    assert "error[E505]" in capsys.readouterr().err
    assert (run / "bundle" / "notes.txt").read_text() == "mine"
