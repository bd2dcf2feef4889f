"""The moving average of the weights: by hand, in validation, in both checkpoints, and without a copy of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import plan_model
from seqhub.training.evaluate import Carried, Tally
from seqhub.training.loader import EpochLoader
from seqhub.training.optimizer import build_optimizer
from seqhub.training.randomness import seed_everything

DECAY = 0.6  # the fourteenth step of fifteen reaches it: 13 / 22 is below, 14 / 23 above
PLAIN = (
    "model.blocks.0.dropout=0",
    "train.epochs=3",
    f"train.ema_decay={DECAY}",
    "train.clip=null",
    "train.schedule={type: constant}",
)


def test_is_that_of_a_plain_loop(train: Any, recipe: Any, tmp_path: Path) -> None:
    trained = train("run", *PLAIN)
    loaded = recipe(*PLAIN)
    seed_everything(loaded.seed)
    model = build_model(plan_model(loaded), trained.task.ends)
    optimizer = build_optimizer(model, loaded.train.optimizer)
    loader = EpochLoader(trained.task.dataset("train"), trained.task.collate, 8, seed=loaded.seed, shuffle=True)
    forward, average, n, decays = Carried(trained.task, model), {}, 0, []
    for epoch in range(3):
        loader.batch_sampler.sampler.set_epoch(epoch)
        for batch in loader:
            y, out_lengths = forward(batch)
            optimizer.zero_grad()
            (trained.task.answer(y, out_lengths) - batch.target).square().mean(dim=1).mean().backward()
            optimizer.step()
            n += 1
            decays.append(min(DECAY, n / (9 + n)))
            for name, weight in model.named_parameters():
                before = average.get(name, weight.detach().clone())
                average[name] = decays[-1] * before + (1 - decays[-1]) * weight.detach()
    assert min(decays) < DECAY == max(decays)  # or one of the two was not tried
    last = tmp_path / "run/checkpoints/last"
    kept, weights = load_file(last / "model.safetensors"), load_file(last / "optimizer.safetensors")
    for name, weight in model.named_parameters():
        torch.testing.assert_close(kept[name], average[name], rtol=0, atol=1e-6)
        torch.testing.assert_close(weights[f"/current_model_state/model.{name}"], weight.detach(), rtol=0, atol=1e-6)
    assert any(not torch.allclose(kept[name], weight) for name, weight in model.named_parameters())


def test_is_what_is_validated_and_handed_on(train: Any, tmp_path: Path) -> None:
    trained = train("run", *PLAIN)
    best = load_file(tmp_path / "run/checkpoints/best/model.safetensors")
    assert all(torch.equal(best[name], value) for name, value in trained.model.state_dict().items())
    tally, forward = Tally(trained.task, trained.model, quick=True), Carried(trained.task, trained.model)
    with torch.no_grad():
        for batch in EpochLoader(trained.task.dataset("valid"), trained.task.collate, 8):
            tally.update(*forward(batch), batch)
    assert trained.best["valid_loss"] == pytest.approx(tally.compute()["loss"], rel=1e-6)


def test_the_task_is_not_copied(train: Any, fakes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, memo: Any) -> None:
        raise AssertionError("the task was copied")

    monkeypatch.setattr(fakes.ToyTask, "__deepcopy__", refuse, raising=False)
    assert train("run", "train.epochs=1", "train.ema_decay=0.9") is not None
