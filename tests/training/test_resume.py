"""Training in pieces equals training in one go, to the last bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seqhub.errors import RunError
from seqhub.training.callbacks import Guard, Recorder
from seqhub.training.files import append_row, read_json, read_rows, write_json
from seqhub.training.folder import RunFolder
from seqhub.training.run import Trained

pytestmark = pytest.mark.heavy

STEPS_PER_EPOCH = 5
SETTINGS = {
    "cosine": ("train.epochs=3",),
    "plateau that drops, early stop": (
        "train.epochs=8",
        "train.schedule={type: plateau, patience: 0, factor: 0.5}",
        "train.optimizer={type: sgd, lr: 0.5, momentum: 0.9}",
        "train.patience=2",
    ),
    "averaged weights": ("train.epochs=3", "train.ema_decay=0.9"),
}


def numbers(rows: Any) -> list[dict[str, Any]]:
    """Rows without the one column that a clock decides."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def assert_equal_runs(one: Path, other: Path) -> None:
    """Weights of both checkpoints, moments of the optimizer, metrics, tables."""
    for which in ("last", "best"):
        for file in ("model.safetensors", "optimizer.safetensors"):
            left, right = (_ours(load_file(run / "checkpoints" / which / file)) for run in (one, other))
            assert left.keys() == right.keys()
            for name in left:
                assert torch.equal(left[name], right[name]), f"{which}/{file}: {name}"
    assert numbers(read_rows(one / "metrics.jsonl")) == numbers(read_rows(other / "metrics.jsonl"))


def _ours(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the notes that Lightning's callbacks keep for themselves."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("/callbacks")}


@pytest.mark.parametrize("overrides", SETTINGS.values(), ids=SETTINGS.keys())
def test_interrupted_after_any_batch(train: Any, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    whole = train("whole", *overrides)
    assert whole is not None
    steps = whole.history[-1]["step"]
    for batch in range(1, steps + 1, 1 if steps <= 15 else 4):  # at 1, 5, 9, ...: each place in an epoch comes up
        folder = tmp_path / f"stopped{batch}"
        assert train(folder.name, *overrides, stop_after=batch) is None
        status = RunFolder(folder).status()
        assert status.state == "interrupted"
        assert (status.epoch, status.batch) == divmod(batch, STEPS_PER_EPOCH)
        again = train(folder.name, *overrides)
        assert again is not None
        assert_equal_runs(tmp_path / "whole", folder)
        for (name, left), right in zip(
            whole.model.state_dict().items(), again.model.state_dict().values(), strict=True
        ):
            assert torch.equal(left, right), name


def test_the_second_setting_drops_and_stops_early(train: Any) -> None:
    trained = train("run", *SETTINGS["plateau that drops, early stop"])
    rates = [row["lr"] for row in trained.history]
    assert rates[-1] < rates[0]
    assert len(trained.history) < 8
    best = trained.best["epoch"]
    assert len(trained.history) == best + 2  # patience


def test_interrupted_again_and_again(train: Any, tmp_path: Path) -> None:
    train("whole")
    for batch in (3, 4, 10, 11, 17):
        assert train("pieces", stop_after=batch) is None
    assert train("pieces") is not None
    assert_equal_runs(tmp_path / "whole", tmp_path / "pieces")


def test_stopped_in_the_last_batch_leaves_nothing_to_train(train: Any, tmp_path: Path) -> None:
    assert train("run", stop_after=4 * STEPS_PER_EPOCH) is None
    assert RunFolder(tmp_path / "run").status().stages == ("train",)
    said: list[str] = []
    trained = train("run", stages=("train", "evaluate"), said=said)
    assert "is trained already" in said[0]
    assert len(trained.history) == 4


def test_rows_of_a_session_that_died_are_trained_again(train: Any, tmp_path: Path) -> None:
    train("whole")
    assert train("run", stop_after=7) is None
    metrics = tmp_path / "run" / "metrics.jsonl"
    append_row(metrics, {**read_rows(metrics)[-1], "epoch": 2, "train_loss": 99.0})
    with open(metrics, "a") as stream:
        stream.write('{"epoch": 3, "train')  # cut short by a crash
    assert train("run") is not None
    assert_equal_runs(tmp_path / "whole", tmp_path / "run")
    table = (tmp_path / "run" / "logs" / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["epoch", "1", "2", "3", "4"]


def test_a_long_epoch_is_saved_on_the_way(train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies, here of an error after batch 8, loses what came after its last timed checkpoint only."""
    train("whole")
    monkeypatch.setattr("seqhub.training.trainer.Guard", partial(Guard, save_every_s=0.0))
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_train_batch_end", _die_at_step(8))
        with pytest.raises(OSError, match="the disk is gone"):
            train("run")
    folder = RunFolder(tmp_path / "run")
    assert (folder.status().state, folder.status().message) == ("failed", "OSError: the disk is gone")
    said: list[str] = []
    assert train("run", said=said) is not None
    assert said[0].endswith("in epoch 2, after batch 2")
    assert_equal_runs(tmp_path / "whole", tmp_path / "run")


def _die_at_step(step: int) -> Any:
    def hook(self: Recorder, trainer: Any, *rest: Any) -> None:
        if trainer.global_step == step:
            raise OSError("the disk is gone")

    return hook


def test_a_moved_run_resumes(train: Any, tmp_path: Path) -> None:
    train("whole")
    assert train("here", stop_after=12) is None
    (tmp_path / "here").rename(tmp_path / "there")
    assert train("there") is not None
    assert_equal_runs(tmp_path / "whole", tmp_path / "there")
    assert str(tmp_path / "here") not in (tmp_path / "there/checkpoints/last/state.json").read_text()


def test_another_recipe_is_refused_with_the_difference(train: Any) -> None:
    assert train("run", stop_after=3) is None
    with pytest.raises(RunError) as caught:
        train("run", "train.optimizer.lr=3e-4", "model.blocks.0.hidden=7")
    problem = caught.value.problems[0]
    assert problem.code == "E401"
    assert "train.optimizer.lr     0.01 -> 0.0003" in problem.message
    assert "model.blocks.0.hidden  6 -> 7" in problem.message
    assert "(epoch 1, batch 3)" in problem.message
    assert "--fresh" in problem.fix
    assert train("run") is not None  # the folder is as it was


def test_what_does_not_change_training_may_change(train: Any) -> None:
    assert train("run", stop_after=3) is None
    trained = train("run", "expect={mae: '<= 5'}", "export.verify.tolerance=1e-3")
    assert trained is not None
    assert trained.recipe.expect[0].value == 5


def test_other_data_is_refused(train: Any, tmp_path: Path) -> None:
    assert train("run", stop_after=3) is None
    features = tmp_path / "run" / "features.json"
    content = read_json(features)
    content["ends"]["input_shift"] = [1.5]
    write_json(features, content)
    with pytest.raises(RunError, match="input_shift changed") as caught:
        train("run")
    assert caught.value.problems[0].code == "E405"


def test_same_seed_same_run_other_seed_another(train: Any, tmp_path: Path) -> None:
    one, two, three = train("one"), train("two"), train("three", "seed=6")
    assert_equal_runs(tmp_path / "one", tmp_path / "two")
    assert one.history[0]["train_loss"] == two.history[0]["train_loss"] != three.history[0]["train_loss"]


def test_load_model_gives_the_trained_weights_without_data(train: Any, tmp_path: Path, fakes: Any) -> None:
    trained: Trained = train("run")
    loaded = RunFolder.open(tmp_path / "run").load_model("best", registry=fakes.registry())
    batch = trained.task.collate([trained.task.dataset("test")[i] for i in range(3)])
    state = loaded.model.initial_state(3)
    with torch.no_grad():
        left, right = (model(batch.x, batch.lengths, state)[0] for model in (trained.model, loaded.model))
    assert torch.equal(left, right)
    assert loaded.ends == trained.task.ends
    assert loaded.manifest == trained.task.manifest()
    assert not loaded.model.training


def test_load_model_before_training_says_so(tmp_path: Path, recipe: Any) -> None:
    write_json(tmp_path / "run" / "status.json", {"seqhub_run": 1, "state": "failed", "source": "toy.yaml"})
    with pytest.raises(RunError, match="no checkpoint 'best'") as caught:
        RunFolder.open(tmp_path / "run").load_model()
    assert caught.value.problems[0].fix == "train it: seqhub train toy.yaml"
