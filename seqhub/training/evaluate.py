"""Numbers for a split: one path for validation, test, torch and onnxruntime.

Metrics come from summed counts of single items, so they are the same for any batch size, and no item is dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.state import State
from seqhub.training.loader import EpochLoader
from seqhub.training.replay import Replayed, replay

if TYPE_CHECKING:
    from seqhub.tasks.base import Answers, Scores, Task


class Carried:
    """A task's model on batch after batch; the state goes on where a batch carries it, and is fresh otherwise."""

    def __init__(self, task: Task, model: SequenceLayer) -> None:
        self.task, self.model = task, model
        self.state: State = {}

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """y [B T' O], out_lengths [B]. No gradient reaches the batch before (truncated backpropagation)."""
        rows = len(batch.lengths)
        state = self.state if batch.carry else self.model.initial_state(rows, batch.x.device)
        y, out_lengths, after = self.task.run(self.model, batch, state)
        self.state = {name: value.detach() for name, value in after.items()}
        return y, out_lengths


class Tally:
    """Loss and metrics of a split, batch by batch. quick: see `Task.answered`."""

    def __init__(self, task: Task, model: SequenceLayer, *, quick: bool = False) -> None:
        self.task, self.model, self.quick = task, model, quick
        self.scores = task.metrics()
        self.total, self.count = 0.0, 0.0

    def update(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> Answers:
        """Add one batch of outputs y [B T' O]; gives its answers."""
        total, count = self.task.loss(y, out_lengths, batch)
        answer = self.task.answered(self.model, y, out_lengths, batch, quick=self.quick)
        self.total, self.count = self.total + float(total), self.count + float(count)
        self.scores.update(answer, batch)
        return answer

    def compute(self) -> dict[str, float]:
        """`loss` and every metric of the task, in raw units."""
        return {"loss": self.total / max(self.count, 1.0)} | self.metrics()

    def metrics(self) -> dict[str, float]:
        """The metrics alone."""
        return numbers(self.scores)


@dataclass(frozen=True)
class Evaluation:
    """metrics: the task's, in raw units.  answers: one for each item, in the order of the split."""

    metrics: dict[str, float]
    answers: list[Tensor]


def evaluate_model(model: SequenceLayer, task: Task, split: str, *, batch: int = 64) -> Evaluation:
    """Score torch's model on every item of a split."""
    was_training, tally, answers, forward = model.training, Tally(task, model), _Answers(), Carried(task, model)
    model.eval()
    with torch.inference_mode():
        for part in split_loader(task, split, batch):
            answers.add(part, tally.update(*forward(part), part))
    model.train(was_training)
    return Evaluation(tally.metrics(), answers.in_order())


def evaluate_bundle(bundle: Path, task: Task, split: str, *, batch: int = 64, precision: str = "float32") -> Evaluation:
    """Score an exported bundle, at one of its precisions, on every item of a split.

    onnxruntime answers in a process without torch, and the very same metrics look at its answers.
    """
    scores, answers, parts = task.metrics(), _Answers(), list(split_loader(task, split, batch))
    inputs = (Replayed(part.x.numpy(), part.lengths.numpy(), part.carry) for part in parts)
    for part, (y, out_lengths) in zip(parts, replay(bundle, inputs, precision), strict=True):
        answer = task.answer(torch.from_numpy(y), torch.from_numpy(out_lengths), part)
        scores.update(answer, part)
        answers.add(part, answer)
    return Evaluation(numbers(scores), answers.in_order())


def split_loader(task: Task, split: str, batch: int, limit: int | None = None) -> EpochLoader:
    """Every item of a split, in the task's own order where it has one."""
    plan = partial(task.batches, split, batch, seed=0)
    return EpochLoader(task.dataset(split), task.collate, batch, plan=plan, limit=limit)


def furthest(one: list[Tensor], other: list[Tensor]) -> float:
    """The largest difference between two sets of answers; one of another shape is infinitely far."""
    pairs = zip(one, other, strict=True)
    return max(float((a - b).abs().max()) if a.shape == b.shape else math.inf for a, b in pairs if a.numel())


class _Answers:
    """Answers by the positions of their items."""

    def __init__(self) -> None:
        self._found: dict[int, Tensor] = {}

    def add(self, batch: Batch, answer: Answers) -> None:
        self._found.update(zip(batch.index.tolist(), iter(answer), strict=True))

    def in_order(self) -> list[Tensor]:
        return [self._found[index] for index in sorted(self._found)]


def numbers(scores: Scores) -> dict[str, float]:
    """Plain floats."""
    return {name: float(value) for name, value in scores.compute().items()}
