"""The whole road of a recipe that asks for reduced precision: the run's own task is the judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqhub.runtime
from seqhub.cli import main

RECIPE = """
recipe: 1
name: digits-int8
seed: 7
task: {type: classify, pool: last}
data:
  source: {type: digits}
  split: {valid: 0.2, test: 0.2}
model:
  width: 24
  blocks:
    - {type: conv1d, channels: 24, kernel: 3}
    - {type: lstm, hidden: 32}
train: {threads: 1, epochs: 1, batch: 32, limit_batches: 12, optimizer: {type: adamw, lr: 1e-2}}
export:
  reduced: {precisions: [int8, int8-static, fp16], max_drop: 1.0, calibration: 20}
"""


@pytest.mark.slow
def test_a_recipe_ships_its_reduced_graphs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(RECIPE)
    assert main(["run", str(recipe), "--out", str(run)]) == 0
    output = capsys.readouterr().out
    assert "int8: accuracy " in output
    manifest = seqhub.runtime.load(run / "bundle").manifest
    assert list(manifest.reduced) == ["int8", "int8-static", "fp16"]
    for precision, info in manifest.reduced.items():
        metric = info.facts["metric"]
        assert (metric["name"], metric["better"], metric["split"]) == ("accuracy", "max", "valid")
        for one, key in (("float32", "before"), (precision, "after")):
            words = ["eval", str(run / "bundle"), "--split", "valid", "--precision", one, "--json"]
            assert main(words) == 0
            found = json.loads(capsys.readouterr().out)
            assert found["precision"] == one
            assert found["metrics"]["accuracy"] == pytest.approx(metric[key])
    assert main(["eval", str(run / "bundle"), "--precision", "int4"]) == 2
    assert "error[E719]" in capsys.readouterr().err
    assert main(["verify", str(run / "bundle"), "--json"]) == 0
    assert "answers of stream.int8-static.onnx" in capsys.readouterr().out
    assert "## Reduced precision" in (run / "bundle" / "README.md").read_text()
    assert main(["export", str(run), "--out", str(tmp_path / "other"), "--reduced", "fp16", "--json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)["reduced"]
    assert (outcome["precision"], outcome["written"]) == ("fp16", True)
    assert list(seqhub.runtime.load(tmp_path / "other").manifest.reduced) == ["fp16"]
