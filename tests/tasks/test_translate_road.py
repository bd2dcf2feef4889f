"""The whole road of a recipe that writes: train, score, export, translate with onnxruntime alone, draw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqhub.runtime
from seqhub.cli import main

RECIPE = Path(__file__).parents[2] / "recipes" / "translate" / "dates-bahdanau.yaml"


@pytest.mark.heavy
def test_smoke_from_text_to_text(tmp_path, capsys):
    out, small = tmp_path / "run", ["--set", "data.source.size=120", "--set", "task.sampling.rate=0.5"]
    more = ["--set", "model.decoder.tied=output", "--set", "task.search.width=2"]
    assert main(["run", str(RECIPE), "--smoke", "--out", str(out), *small, *more]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary["metrics"]) == {"bleu", "chrf", "exact"}
    assert summary["metrics"] == pytest.approx(summary["metrics_torch"])
    assert set(summary["baselines"]) == {"copy", "nearest"}
    rows = [json.loads(line) for line in (out / "predictions" / "test.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    assert (out / "plots" / "alignment.png").is_file()
    translator = seqhub.runtime.load(out / "bundle")
    assert [found.text for found in translator.predict([row["source"] for row in rows])] == [
        row["hypothesis"] for row in rows
    ]
    providers = json.loads((out / "bundle" / "seqhub.json").read_text())["blocks"]
    assert list(providers) == ["block0", "decoder.0"]
    assert "seqhub-attention/bahdanau" in providers["decoder.0"]
    capsys.readouterr()
    assert main(["eval", str(out), "--json"]) == 3  # one epoch does not reach what the recipe expects
    assert json.loads(capsys.readouterr().out)["metrics"] == pytest.approx(summary["metrics"])
    assert main(["explain", str(RECIPE), *small, *more]) == 0
    assert "decoder.0" in capsys.readouterr().out
