"""One training: an entry on a puzzle at one learning rate, with fresh sequences at every step.

AdamW (decay 0.01 on matrices), gradients clipped to norm 1. The rate rises over the first twentieth of the steps and
falls to zero over the last quarter: between, it stays, since recall is found in a sudden turn that may come late.
Training ends early once three checks in a row find the puzzle solved.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.bench.budget import Budget
from seqhub.bench.entry import Entry
from seqhub.bench.models import answers, build_entry
from seqhub.bench.puzzles import Puzzle, Sample
from seqhub.nn import SequenceModel
from seqhub.plugins import Registry
from seqhub.recipe.sections import AdamW
from seqhub.training.optimizer import build_optimizer

_SURE = 0.998  # share of the way to the perfect answer: training goes on a little past `SOLVED`
_IN_A_ROW = 3
_AT_ONCE = 64  # sequences of one forward pass of a score: what a draw holds is the same at every budget
_DECAY, _CLIP = 0.01, 1.0
_TRAIN, _CHECK, _TEST = range(3)  # streams of random numbers that share nothing


@dataclass(frozen=True)
class Outcome:
    """What one training gave.

    checked: the score at the last check, which chooses between rates.  scores: on test sequences of each length.
    curve: (step, score at a check).  A training whose loss was not finite has `diverged`, and the scores of its end.
    """

    rate: float
    checked: float
    scores: dict[int, float]
    curve: tuple[tuple[int, float], ...]
    loss: float | None
    steps: int
    seconds: float
    parameters: int
    diverged: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        scores = {str(length): value for length, value in self.scores.items()}
        return {**dataclasses.asdict(self), "scores": scores, "curve": [list(point) for point in self.curve]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Outcome:
        """The inverse of `as_dict`."""
        scores = {int(length): value for length, value in values["scores"].items()}
        return cls(**{**values, "scores": scores, "curve": tuple((step, at) for step, at in values["curve"])})


def run_trial(
    entry: Entry,
    puzzle: Puzzle,
    registry: Registry,
    budget: Budget,
    *,
    rate: float,
    seed: int,
    lengths: tuple[int, ...],
    tick: Callable[[int], None] = lambda step: None,
) -> Outcome:
    """Train at lengths[0] and score at every length. Seeds torch, and leaves its generator as it was."""
    began = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_entry(entry, puzzle, registry)
        optimizer = build_optimizer(model, AdamW(lr=rate, weight_decay=_DECAY))
        rng = np.random.default_rng([seed, _TRAIN])
        length, every = lengths[0], max(1, budget.steps // budget.checks)
        curve: list[tuple[int, float]] = []
        loss, step, diverged = math.nan, 0, False
        for step in range(1, budget.steps + 1):
            for group in optimizer.param_groups:
                group["lr"] = rate * pace(step, budget.steps)
            loss = _train_step(model, optimizer, puzzle, puzzle.draw(rng, budget.batch, length))
            tick(step)
            diverged = not math.isfinite(loss)
            if step % every == 0 or step == budget.steps or diverged:
                check = np.random.default_rng([seed, _CHECK])
                curve.append((step, score(model, puzzle, check, budget.checked, length)))
                if diverged or _solved(curve, puzzle, length):
                    break
        tests = {at: score(model, puzzle, np.random.default_rng([seed, _TEST, at]), budget.items, at) for at in lengths}
    return Outcome(
        rate=rate,
        checked=curve[-1][1],
        scores=tests,
        curve=tuple(curve),
        loss=loss if math.isfinite(loss) else None,
        steps=step,
        seconds=time.perf_counter() - began,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        diverged=diverged,
    )


def pace(step: int, steps: int) -> float:
    """The share of the rate at a step, counted from 1."""
    return min(1.0, step / max(1, steps // 20), (steps - step + 1) / max(1, steps // 4))


def best_of(outcomes: list[Outcome], puzzle: Puzzle) -> Outcome:
    """The training whose last check was best; among equals the one that needed the fewest steps."""
    sign = 1 if puzzle.metric == "mse" else -1
    return min(outcomes, key=lambda outcome: (outcome.diverged, sign * outcome.checked, outcome.steps))


@torch.no_grad()
def score(model: SequenceModel, puzzle: Puzzle, rng: np.random.Generator, items: int, length: int) -> float:
    """Accuracy or mean squared error over the scored steps of `items` sequences; the naive one where it is not
    finite.
    """
    total, count = 0.0, 0
    model.eval()
    for start in range(0, items, _AT_ONCE):
        sample = puzzle.draw(rng, min(_AT_ONCE, items - start), length)
        scored = torch.from_numpy(sample.scored)
        y = answers(model, torch.from_numpy(sample.x), puzzle)[scored]
        target = torch.from_numpy(sample.target)[scored]
        right = (y[:, 0] - target).square() if puzzle.metric == "mse" else (y.argmax(dim=-1) == target).float()
        total, count = total + float(right.sum()), count + len(target)
    model.train()
    return total / count if math.isfinite(total) else puzzle.naive(length)


def _train_step(model: SequenceModel, optimizer: torch.optim.Optimizer, puzzle: Puzzle, sample: Sample) -> float:
    learnt = torch.from_numpy(sample.learnt)
    y = answers(model, torch.from_numpy(sample.x), puzzle)[learnt]
    target = torch.from_numpy(sample.target)[learnt]
    loss: Tensor = F.mse_loss(y[:, 0], target) if puzzle.metric == "mse" else F.cross_entropy(y, target)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimizer.step()
    return loss.item()


def _solved(curve: list[tuple[int, float]], puzzle: Puzzle, length: int) -> bool:
    newest = curve[-_IN_A_ROW:]
    return len(newest) == _IN_A_ROW and all(puzzle.share(found, length) >= _SURE for _, found in newest)
