"""The whole road of a recipe that answers step by step: train, score, export, answer a file whole and as a stream."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import seqhub.runtime
from seqhub.cli import main

RECIPE = Path(__file__).parents[2] / "recipes" / "regress" / "pendulum-identify.yaml"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.heavy
def test_smoke_from_torques_to_angles(tmp_path, capsys):
    out = tmp_path / "run"
    small = ["--set", "data.source.recordings=12", "--set", "data.source.steps=40", "--set", "task.window=16"]
    more = ["--set", "task.metrics=[bias]", "--set", "task.burn_in=4"]
    assert main(["run", str(RECIPE), "--smoke", "--out", str(out), *small, *more]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary["metrics"]) == {"rmse", "mae", "r2", "bias"}
    assert summary["metrics"] == pytest.approx(summary["metrics_torch"], rel=1e-4)
    assert set(summary["baselines"]) == {"mean", "linear", "linear-16"}
    assert (out / "plots" / "answers.png").is_file()
    records = [json.loads(line) for line in (out / "predictions" / "test.jsonl").read_text().splitlines()]
    assert len(records) == 2
    assert records[0]["truth"]["sin"][:4] == [None] * 4
    assert len(records[0]["prediction"]["sin"]) == 40
    scored = np.array([r["prediction"]["rate"][4:] for r in records], dtype=float).ravel()
    truth = np.array([r["truth"]["rate"][4:] for r in records], dtype=float).ravel()
    assert np.abs(scored - truth).mean() < np.abs(truth).max()

    model = seqhub.runtime.load(out / "bundle")
    torque = np.sin(np.arange(30.0) / 3).astype(np.float32)[:, None]
    answer = model.predict(torque)
    assert answer.values.shape == (30, 3)
    assert answer.names == ("sin", "cos", "rate")
    file = tmp_path / "torque.csv"
    file.write_text("torque,other\n" + "".join(f"{value},7\n" for value in torque[:, 0]))
    capsys.readouterr()
    assert main(["predict", str(out / "bundle"), str(file)]) == 0
    whole = rows_of(capsys.readouterr().out)
    assert main(["predict", str(out / "bundle"), str(file), "--stream"]) == 0
    streamed = rows_of(capsys.readouterr().out)
    assert [row["row"] for row in streamed] == [str(i) for i in range(1, 31)]
    for name, column in zip(answer.names, answer.values.T, strict=True):
        assert np.array([float(row[name]) for row in whole]) == pytest.approx(column, abs=1e-5)
        assert np.array([float(row[name]) for row in streamed]) == pytest.approx(column, abs=1e-5)
    assert main(["predict", str(out / "bundle"), str(file), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["answers"]
    assert told["shape"] == [30, 3]
    assert "us" in (out / "bundle" / "README.md").read_text()  # how long a step takes
