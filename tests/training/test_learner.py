"""Training itself: the loss it minimises, clipping, stopping on bad numbers, what it leaves on disk."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import plan_model
from seqhub.errors import RunError
from seqhub.training.evaluate import Carried, Tally, evaluate_model
from seqhub.training.folder import RunFolder
from seqhub.training.loader import EpochLoader
from seqhub.training.optimizer import build_optimizer
from seqhub.training.randomness import random_state, restore_random_state, seed_everything

PLAIN = (
    "model.blocks.0.dropout=0",
    "train.epochs=2",
    "train.schedule={type: step, every: 1, factor: 0.5}",
)


def test_equals_a_plain_loop(train: Any, recipe: Any, tmp_path: Path) -> None:
    """Same weights as twenty lines of torch without Lightning."""
    clip = "train.clip=0.2"
    trained = train("run", *PLAIN, clip)
    loaded = recipe(*PLAIN, clip)
    seed_everything(loaded.seed)
    model = build_model(plan_model(loaded), trained.task.ends)
    optimizer = build_optimizer(model, loaded.train.optimizer)
    loader = EpochLoader(trained.task.dataset("train"), trained.task.collate, 8, seed=loaded.seed, shuffle=True)
    losses, longest, forward = [], [], Carried(trained.task, model)
    for epoch in range(2):
        loader.batch_sampler.sampler.set_epoch(epoch)
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 0.01 * 0.5**epoch
        total, norms = 0.0, []
        for batch in loader:
            y, out_lengths = forward(batch)
            error = (trained.task.answer(y, out_lengths) - batch.target).square().mean(dim=1)
            optimizer.zero_grad()
            error.mean().backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.2)))
            optimizer.step()
            total += float(error.detach().sum())
        losses.append(total / 36)
        longest.append(max(norms))
    weights = load_file(tmp_path / "run/checkpoints/last/model.safetensors")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-6)
    assert [row["train_loss"] for row in trained.history] == pytest.approx(losses)
    assert [row["longest_gradient"] for row in trained.history] == pytest.approx(longest)
    assert max(longest) > 0.2  # or the clipping was not tried


def test_best_is_the_best_epoch(train: Any, tmp_path: Path) -> None:
    jumpy = ("train.optimizer={type: sgd, lr: 1.5}", "train.schedule={type: constant}", "train.epochs=6")
    trained = train("run", *jumpy, "train.monitor=mae")
    by_mae = min(trained.history, key=lambda row: row["valid_mae"])
    assert trained.best["epoch"] == by_mae["epoch"] != trained.history[-1]["epoch"]
    state = json.loads((tmp_path / "run/checkpoints/best/state.json").read_text())["state"]
    assert state["epoch"] + 1 == by_mae["epoch"]
    tally, forward = Tally(trained.task, trained.model), Carried(trained.task, trained.model)
    with torch.no_grad():
        for batch in EpochLoader(trained.task.dataset("valid"), trained.task.collate, 64):
            tally.update(*forward(batch), batch)
    assert tally.compute() == pytest.approx({"loss": by_mae["valid_loss"], "mae": by_mae["valid_mae"]})


def test_metrics_do_not_depend_on_the_batch(train: Any) -> None:
    trained = train("run", "train.epochs=1")
    scores = [evaluate_model(trained.model, trained.task, "test", batch=size) for size in (1, 3, 64)]
    assert scores[0].metrics == pytest.approx(scores[1].metrics, rel=1e-6)
    assert scores[0].metrics == pytest.approx(scores[2].metrics, rel=1e-6)
    torch.testing.assert_close(scores[0].answers, scores[2].answers)
    assert len(scores[0].answers) == 10


def test_a_loss_that_is_not_finite_stops_the_run(train: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        train("run", "data.source={type: toy-source, spoil: 3}")
    problem = caught.value.problems[0]
    assert problem.code == "E410"
    assert "in epoch 1, batch" in problem.message
    assert "of 5 (learning rate" in problem.message
    assert "train.optimizer.lr=0.001 --fresh" in problem.fix
    assert RunFolder(tmp_path / "run").status().state == "failed"
    assert not RunFolder(tmp_path / "run").has_checkpoint()


def test_a_bad_gradient_never_reaches_the_weights(train: Any, tmp_path: Path, fakes: Any, monkeypatch: Any) -> None:
    plain = fakes.ToyTask.loss

    def loss(self: Any, y: torch.Tensor, out_lengths: torch.Tensor, batch: Any) -> Any:
        total, count = plain(self, y, out_lengths, batch)
        flat = (self.answer(y, out_lengths) * 0).sum()
        return total + torch.sqrt(flat.clamp(min=0)) if len(
            batch.lengths
        ) == 4 else total, count  # sqrt' at 0 is infinite

    monkeypatch.setattr(fakes.ToyTask, "loss", loss)
    with pytest.raises(RunError, match=r"the gradient's norm became (nan|inf) in epoch 1, batch 5 of 5.*first in "):
        train("run")


def test_what_a_run_leaves(train: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    trained = train("run")
    files = {str(p.relative_to(tmp_path / "run")) for p in (tmp_path / "run").rglob("*") if p.is_file()}
    events = {name for name in files if name.startswith("logs/tensorboard/events")}
    assert len(events) == 1
    checkpoint = {"model.safetensors", "optimizer.safetensors", "state.json"}
    assert files - events == {
        *(f"checkpoints/{which}/{file}" for which in ("last", "best") for file in checkpoint),
        *("recipe.yaml", "resolved.yaml", "env.json", "status.json", "features.json", "log.txt", "metrics.jsonl"),
        "logs/metrics.csv",
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "toy.yaml"]  # no lightning_logs
    with open(tmp_path / "run/logs/metrics.csv", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [float(row["valid_mae"]) for row in table] == [row["valid_mae"] for row in trained.history]
    assert list(trained.history[0]) == [
        *("epoch", "epochs", "step", "train_loss", "valid_loss", "valid_mae"),
        *("lr", "longest_gradient", "seconds", "best"),
    ]


def test_tensorboard_holds_every_epoch(train: Any, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert train("run", stop_after=12) is None
    trained = train("run")
    log = EventAccumulator(str(tmp_path / "run/logs/tensorboard"))
    log.Reload()
    values = [event.value for event in log.Scalars("valid_loss")]
    assert values == pytest.approx([row["valid_loss"] for row in trained.history], rel=1e-6)


def test_random_state_round_trip() -> None:
    import random

    import numpy as np

    def draw() -> list[float]:
        return [random.random(), random.gauss(0, 1), float(np.random.normal()), float(torch.rand(()))]

    seed_everything(3)
    draw()
    state = random_state()
    expected = [draw(), draw()]
    draw()
    restore_random_state(state)
    assert [draw(), draw()] == expected


def test_a_task_is_told_of_every_epoch(train: Any) -> None:
    """Once as training starts, which may be in the middle of an epoch, and once as each epoch does."""
    trained = train("run", *PLAIN)
    assert trained.task.begun == [0, 0, 1]
