"""`run`, `train` and `eval` from the outside: a small recipe over a CSV file, in processes of their own."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqhub.cli import main
from seqhub.cli.runs import check_promises, promises
from seqhub.errors import ExpectationMissed
from seqhub.plugins import load_registry
from seqhub.recipe import load_recipe

pytestmark = pytest.mark.heavy

RECIPE = """\
recipe: 1
name: waves
seed: 3
task: {type: forecast, lookback: 12, horizon: 3, anchor: last, season: 8}
data:
  source: {type: csv, path: waves.csv}
  target: [height]
  time: day
model:
  width: 6
  blocks:
    - {type: gru, hidden: 6}
train: {epochs: 3, batch: 16, optimizer: {type: adamw, lr: 0.01}, threads: 1}
export: {graphs: [full]}
expect: {mae: "<= 50"}
"""


def write_inputs(folder: Path) -> Path:
    """A recipe and its data: 160 days of a wave on a slope."""
    folder.mkdir(parents=True, exist_ok=True)
    heights = [0.05 * day + math.sin(day * math.tau / 8) + 0.1 * math.sin(day * day) for day in range(160)]
    days = (str(d) for d in range(160))
    rows = [f"{day},{height:.6f}" for day, height in zip(days, heights, strict=True)]
    (folder / "waves.csv").write_text("\n".join(["day,height", *rows]) + "\n")
    (folder / "waves.yaml").write_text(RECIPE)
    return folder / "waves.yaml"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def seqhub(cwd: Path, *words: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-m", "seqhub", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


Command = Callable[..., Outcome]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command in this process, where torch is loaded already."""

    def run(cwd: Path, *words: str) -> Outcome:
        monkeypatch.chdir(cwd)
        code = main(words)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A whole run, from a path with a space in it."""
    cwd = tmp_path_factory.mktemp("with space") / "my project"
    write_inputs(cwd / "recipes")
    return cwd, seqhub(cwd, "run", "recipes/waves.yaml")


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_whole_road(road: tuple[Path, Outcome]) -> None:
    cwd, outcome = road
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    run = cwd / "runs" / "waves"
    for text in ("kept epoch", "full.onnx", "without torch", "repeat-last", "seasonal", "<= 50  kept", "seconds"):
        assert text in outcome.out
    assert str(Path("runs/waves/bundle")) in outcome.out
    assert sorted(p.name for p in cwd.iterdir()) == ["recipes", "runs"]  # nothing beside the run folder
    assert [p.name for p in (cwd / "runs").iterdir()] == ["waves"]
    assert {p.name for p in run.iterdir()} == {
        *("recipe.yaml", "resolved.yaml", "env.json", "status.json", "log.txt", "metrics.jsonl", "summary.json"),
        *("features.json", "checkpoints", "logs", "predictions", "plots", "bundle"),
    }
    assert sorted(p.name for p in (run / "plots").iterdir()) == ["forecast-height.png", "loss.png"]
    status = read(run / "status.json")
    assert status["state"] == "finished"
    assert status["stages"] == ["train", "evaluate", "export", "predict"]


def test_the_numbers_of_the_road(road: tuple[Path, Outcome]) -> None:
    """The bundle's metrics are torch's, and follow from the predictions on disk."""
    cwd, _ = road
    run = cwd / "runs" / "waves"
    summary = read(run / "summary.json")
    assert summary["metrics"] == pytest.approx(summary["metrics_torch"], rel=1e-4, abs=1e-6)
    assert set(summary["baselines"]) == {"repeat-last", "drift", "seasonal", "seasonal-drift"}
    rows = [json.loads(line) for line in (run / "predictions" / "test.jsonl").read_text().splitlines()]
    errors = [
        abs(truth - guess)
        for row in rows
        for truth, guess in zip(row["truth"]["height"], row["prediction"]["height"], strict=True)
    ]
    assert len(rows) == 160 * 0.2 - 3 + 1
    assert summary["metrics"]["mae"] == pytest.approx(sum(errors) / len(errors), rel=1e-5)
    assert summary["expect"] == [{"metric": "mae", "bound": "<= 50", "value": summary["metrics"]["mae"], "kept": True}]
    assert summary["epochs"] == 3


def test_eval_of_run_and_bundle_agree(road: tuple[Path, Outcome], here: Command) -> None:
    cwd, _ = road
    torch, onnx = (here(cwd, "eval", f"runs/waves{tail}", "--json") for tail in ("", "/bundle"))
    assert (torch.code, onnx.code) == (0, 0), torch.err + onnx.err
    left, right = json.loads(torch.out), json.loads(onnx.out)
    assert (left["engine"], right["engine"]) == ("torch", "onnxruntime")
    assert left["metrics"] == pytest.approx(right["metrics"], rel=1e-4, abs=1e-6)
    assert left["baselines"] == right["baselines"]
    assert left["items"] == 30
    assert right["metrics"] == pytest.approx(read(cwd / "runs/waves/summary.json")["metrics"])


def test_eval_of_a_bundle_alone_takes_a_recipe_and_exits_3(
    road: tuple[Path, Outcome], tmp_path: Path, here: Command
) -> None:
    cwd, _ = road
    recipe = write_inputs(tmp_path)
    recipe.write_text(RECIPE.replace('mae: "<= 50"', 'mae: "<= 1e-9"'))
    (cwd / "runs/waves/bundle").rename(tmp_path / "bundle")
    try:
        alone = here(tmp_path, "eval", "bundle")
        assert alone.code == 2
        assert "--recipe RECIPE" in alone.err
        missed = here(tmp_path, "eval", "bundle", "--recipe", "waves.yaml")
        assert missed.code == 3, missed.err
        assert "<= 1e-09  MISSED" in missed.out
        assert "waves.yaml:15:10: error[E800]: expected mae <= 1e-09, measured " in missed.err
    finally:
        (tmp_path / "bundle").rename(cwd / "runs/waves/bundle")


def test_train_goes_on_after_ctrl_c(tmp_path: Path, here: Command) -> None:
    write_inputs(tmp_path)
    words = ["train", "waves.yaml", "--set", "train.epochs=4000", "--out", "a run"]
    command = [sys.executable, "-m", "seqhub", *words]
    metrics = tmp_path / "a run" / "metrics.jsonl"
    for number, greeting in ((signal.SIGINT, ""), (signal.SIGTERM, "resuming a run ")):
        before = metrics.stat().st_size if metrics.exists() else 0
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as child:
            deadline = time.monotonic() + 120
            while not metrics.exists() or metrics.stat().st_size <= before:
                assert child.poll() is None, child.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            child.send_signal(number)
            out, err = child.communicate(timeout=60)
        assert child.returncode == 130, err
        assert err == ""
        assert greeting in out
        assert "stopped " in out
        assert "go on:  seqhub train waves.yaml --set train.epochs=4000 --out 'a run'" in out
        status = read(tmp_path / "a run" / "status.json")
        assert status["state"] == "interrupted"
    epochs = [json.loads(line)["epoch"] for line in metrics.read_text().splitlines()]
    assert epochs == list(range(1, len(epochs) + 1))
    refused = here(tmp_path, "train", "waves.yaml", "--set", "train.epochs=9", "--out", "a run")
    assert refused.code == 1
    assert "error[E401]" in refused.err
    assert "train.epochs  4000 -> 9" in refused.err
    assert "Traceback" not in refused.err


def test_smoke_has_a_folder_of_its_own(tmp_path: Path, here: Command) -> None:
    write_inputs(tmp_path)
    outcome = here(tmp_path, "train", "waves.yaml", "--smoke")
    assert outcome.code == 0, outcome.err
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["waves-smoke"]
    assert "for 1 epochs" in outcome.out
    assert read(tmp_path / "runs/waves-smoke/status.json")["smoke"] is True


def test_a_diverging_run_exits_1_and_says_where(tmp_path: Path, here: Command) -> None:
    write_inputs(tmp_path)
    change = ["--set", "train.optimizer={type: sgd, lr: 1e30, momentum: 0}", "--set", "train.clip=null"]
    outcome = here(tmp_path, "train", "waves.yaml", *change)
    assert outcome.code == 1
    assert "error[E410]" in outcome.err
    assert "in epoch 1, batch " in outcome.err
    assert "Traceback" not in outcome.err
    assert read(tmp_path / "runs/waves/status.json")["state"] == "failed"


def test_data_that_is_not_there_exits_2_and_leaves_no_folder(tmp_path: Path, here: Command) -> None:
    write_inputs(tmp_path)
    (tmp_path / "waves.csv").unlink()
    outcome = here(tmp_path, "run", "waves.yaml")
    assert outcome.code == 2
    assert "waves.csv" in outcome.err
    assert sorted(p.name for p in tmp_path.iterdir()) in (["waves.yaml"], ["runs", "waves.yaml"])
    assert not (tmp_path / "runs" / "waves").exists()


def test_eval_of_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(tmp_path)]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err


def test_every_missed_promise_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_inputs(tmp_path)
    path.write_text(RECIPE.replace('mae: "<= 50"', 'mae: "<= 0.5", skill: ">= 0.9", rmse: "<= 9"'))
    recipe = load_recipe(path, load_registry())
    metrics = {"mae": 0.75, "skill": float("nan"), "rmse": 1.0}
    measured = promises(recipe, metrics)
    assert [promise.kept for promise in measured] == [False, False, True]
    with pytest.raises(ExpectationMissed) as caught:
        check_promises(recipe, measured)
    assert caught.value.exit_code == 3
    assert [problem.message for problem in caught.value.problems] == [
        "expected mae <= 0.5, measured 0.75",
        "expected skill >= 0.9, measured nan",
    ]
    assert {problem.place.line for problem in caught.value.problems if problem.place} == {15}
    check_promises(recipe, promises(recipe, {"mae": 0.1, "skill": 1.0, "rmse": 1.0}))


def test_results_of_finished_runs_as_one_table(road: tuple[Path, Outcome], here: Command, tmp_path: Path) -> None:
    run = road[0] / "runs" / "waves"
    summary = json.loads((run / "summary.json").read_text())
    document = json.loads(here(tmp_path, "results", str(run), "--json").out)
    assert document[0]["scores"] == {"mae": summary["metrics"]["mae"]}
    label, best = document[0]["naive"]["mae"]
    assert best == min(scores["mae"] for scores in summary["baselines"].values())
    assert summary["baselines"][label]["mae"] == best
    assert document[0]["kilobytes"] == (run / "bundle" / "full.onnx").stat().st_size / 1000
    assert document[0]["full"] > 0
    assert document[0]["step"] is None
    table = tmp_path / "results.md"
    assert here(tmp_path, "results", str(run), "-o", str(table)).code == 0
    text = table.read_text(encoding="utf-8")
    assert "## forecast" in text
    assert f"| waves | mae {summary['metrics']['mae']:.4g} (<= 50) | {label} {best:.4g} |" in text


def test_results_of_a_run_without_a_bundle(road: tuple[Path, Outcome], here: Command, tmp_path: Path) -> None:
    shutil.copytree(road[0] / "runs" / "waves", tmp_path / "half", ignore=shutil.ignore_patterns("bundle"))
    found = here(tmp_path, "results", str(tmp_path / "half"), "-o", str(tmp_path / "results.md"))
    assert found.code == 2
    assert "E026" in found.err
    assert "has no bundle" in found.err
    assert not (tmp_path / "results.md").exists()
