"""Rates against torch's own schedulers and against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, ReduceLROnPlateau, StepLR

from seqhub.recipe.sections import Constant, Cosine, Plateau, Schedule, Step
from seqhub.training.schedule import LearningRate


def rate_of(schedule: Schedule, mode: str = "min") -> LearningRate:
    return LearningRate(schedule, 0.1, steps_per_epoch=10, steps=60, mode=mode)  # type: ignore[arg-type]


def torch_rates(make: object, steps: int, every: int = 1) -> list[float]:
    """The rate that torch uses in each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = make(optimizer)  # type: ignore[operator]
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % every == 0:
            scheduler.step()
    return rates


def test_cosine_is_torchs() -> None:
    rate = rate_of(Cosine(floor=0.1))
    expected = torch_rates(lambda o: CosineAnnealingLR(o, T_max=60, eta_min=0.01), 60)
    assert [rate.rate(step) for step in range(60)] == pytest.approx(expected)


def test_step_is_torchs() -> None:
    rate = rate_of(Step(every=2, factor=0.3))
    expected = torch_rates(lambda o: StepLR(o, step_size=2, gamma=0.3), 60, every=10)
    assert [rate.rate(step) for step in range(60)] == pytest.approx(expected)


def test_warm_up_is_linear_and_ends_at_the_full_rate() -> None:
    rate = rate_of(Constant(warmup=4))
    expected = torch_rates(lambda o: LambdaLR(o, lambda step: min(1.0, (step + 1) / 4)), 6)
    assert [rate.rate(step) for step in range(6)] == pytest.approx(expected) == [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]


def test_cosine_starts_after_the_warm_up() -> None:
    rate = rate_of(Cosine(warmup=20))
    assert rate.rate(19) == pytest.approx(0.1)
    assert rate.rate(40) == pytest.approx(0.1 * (1 + math.cos(math.pi / 2)) / 2)
    assert 0 < rate.rate(59) < 2e-4


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_is_torchs(mode: str) -> None:
    losses = [1.0, 0.9, 0.95, 0.91, 0.92, 0.93, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86]
    values = losses if mode == "min" else [-loss for loss in losses]
    rate = rate_of(Plateau(patience=2, factor=0.5), mode)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = ReduceLROnPlateau(optimizer, mode=mode, factor=0.5, patience=2, threshold=0.0)  # type: ignore[arg-type]
    for value in values:
        rate.epoch_ended(value)
        scheduler.step(value)
        assert rate.rate(0) == pytest.approx(optimizer.param_groups[0]["lr"])
    assert rate.rate(0) == pytest.approx(0.0125)


def test_state_round_trip() -> None:
    one, two = rate_of(Plateau(patience=1, factor=0.5)), rate_of(Plateau(patience=1, factor=0.5))
    for value in (1.0, 2.0, 3.0, 4.0):
        one.epoch_ended(value)
    two.load_state_dict(one.state_dict())
    for value in (5.0, 6.0, 0.5, 0.6):
        one.epoch_ended(value)
        two.epoch_ended(value)
        assert one.rate(3) == two.rate(3)
