"""Which folders are taken, resumed, set aside or left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqhub.errors import RunError, UsageError
from seqhub.training.claim import claim_folder, recipe_differences
from seqhub.training.files import read_json
from seqhub.training.folder import RunFolder


def test_a_folder_of_something_else_is_left_alone(train: Any, tmp_path: Path) -> None:
    precious = tmp_path / "run" / "thesis.tex"
    precious.parent.mkdir()
    precious.write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(UsageError, match="is not the folder of a run") as caught:
            train("run", fresh=fresh)
        assert "--out" in caught.value.problems[0].fix
    assert precious.read_text() == "years of work"
    assert [p.name for p in precious.parent.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way(train: Any, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        train("run")


def test_a_finished_run_is_kept_once(train: Any, tmp_path: Path) -> None:
    first = train("run", "train.epochs=1")
    said: list[str] = []
    train("run", "train.epochs=2", said=said)
    assert said[0] == f"the run that was in {tmp_path / 'run'} is now in {tmp_path / 'run'}.previous"
    assert len((tmp_path / "run.previous/metrics.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "run/metrics.jsonl").read_text().splitlines()) == 2
    train("run", "train.epochs=3")
    assert len((tmp_path / "run.previous/metrics.jsonl").read_text().splitlines()) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.previous", "toy.yaml"]
    assert first is not None


def test_fresh_keeps_the_unfinished_run(train: Any, tmp_path: Path) -> None:
    assert train("run", stop_after=6) is None
    trained = train("run", fresh=True)
    assert [row["epoch"] for row in trained.history] == [1, 2, 3, 4]
    assert RunFolder(tmp_path / "run.previous").status().batch == 1


def test_what_is_called_previous_and_is_no_run_is_left_alone(train: Any, tmp_path: Path) -> None:
    train("run")
    (tmp_path / "run.previous").mkdir()
    (tmp_path / "run.previous" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is in the way"):
        train("run")
    assert (tmp_path / "run.previous" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_run_without_a_checkpoint_makes_way_and_the_kept_one_stays(train: Any, tmp_path: Path) -> None:
    train("run", "train.epochs=1")
    with pytest.raises(RunError):
        train("run", "data.source={type: toy-source, spoil: 3}")  # sets the finished run aside, and dies in epoch 1
    status = RunFolder(tmp_path / "run").status()
    assert status.state == "failed"
    assert "E410" in status.message
    train("run")
    assert len((tmp_path / "run.previous/metrics.jsonl").read_text().splitlines()) == 1


def test_data_that_cannot_be_used_moves_nothing(train: Any, recipe: Any, tmp_path: Path, fakes: Any) -> None:
    train("run", "train.epochs=1")
    before = (tmp_path / "run/status.json").read_text()
    with claim_folder(tmp_path / "run", recipe(), ("train",)):
        pass  # an error before `start`
    assert (tmp_path / "run/status.json").read_text() == before
    with claim_folder(tmp_path / "new", recipe(), ("train",)):
        pass
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no lock on Windows")
def test_two_processes_do_not_share_a_folder(recipe: Any, tmp_path: Path) -> None:
    lock = "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)"
    holder = f"import fcntl, os, sys; {lock}; print('held', flush=True); input()"
    (tmp_path / "run").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", holder, tmp_path / "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(RunError, match="another process is training in"),
            claim_folder(tmp_path / "run", recipe(), ("train",)),
        ):
            pass
        other.communicate("\n")
    with claim_folder(tmp_path / "run", recipe(), ("train",)):
        pass


def test_differences_are_flat_and_ordered() -> None:
    before = {"train": {"epochs": 3, "clip": None}, "model": {"blocks": [{"type": "gru"}, {"type": "norm"}]}}
    after = {"train": {"epochs": 5, "clip": None}, "model": {"blocks": [{"type": "gru", "bias": True}]}}
    assert recipe_differences(before, after) == [
        "train.epochs         3 -> 5",
        'model.blocks.1.type  "norm" -> (absent)',
        "model.blocks.0.bias  (absent) -> true",
    ]


def test_recipe_is_kept_byte_for_byte_and_resolved(train: Any, tmp_path: Path, fakes: Any) -> None:
    train("run", "train.epochs=1", "seed=9")
    folder = RunFolder(tmp_path / "run")
    assert folder.recipe.read_text() == fakes.RECIPE
    loaded = folder.load_recipe(fakes.registry())
    assert (loaded.train.epochs, loaded.seed, loaded.base_dir) == (1, 9, tmp_path)
    environment = read_json(folder.environment)
    assert "seqhub-toy/toy-task==1.0" in environment["components"]
    assert "seqhub-cells/gru" in {name.partition("==")[0] for name in environment["components"]}
    assert environment["threads"] == 1
    assert folder.status().overrides == ("--set seed=9", "--set train.epochs=1")
