"""Numbers for a split: one path for validation, test, torch and onnxruntime.

Metrics come from summed counts of single items, so they are the same for any batch size, and no item is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.data.batch import Batch
from seqhub.nn.layer import SequenceLayer
from seqhub.training.loader import EpochLoader
from seqhub.training.replay import replay

if TYPE_CHECKING:
    from seqhub.tasks.base import Scores, Task


def forward(model: SequenceLayer, batch: Batch) -> tuple[Tensor, Tensor]:
    """Whole sequences from a fresh state: y [B T' D'], out_lengths [B]."""
    state = model.initial_state(len(batch.lengths), batch.x.device)
    y, out_lengths, _ = model(batch.x, batch.lengths, state)
    return y, out_lengths


class Tally:
    """Loss and metrics of a split, batch by batch."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.scores = task.metrics()
        self.total, self.count = 0.0, 0.0

    def update(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> Tensor:
        """Add one batch of outputs y [B T' D']; gives the answers [B D']."""
        total, count = self.task.loss(y, out_lengths, batch)
        answer = self.task.answer(y, out_lengths)
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
    """metrics: the task's, in raw units.  answers: [N O], in the order of the split."""

    metrics: dict[str, float]
    answers: Tensor


def evaluate_model(model: SequenceLayer, task: Task, split: str, *, batch: int = 64) -> Evaluation:
    """Score torch's model on every item of a split."""
    was_training, tally, answers = model.training, Tally(task), []
    model.eval()
    with torch.inference_mode():
        for part in EpochLoader(task.dataset(split), task.collate, batch):
            answers.append(tally.update(*forward(model, part), part))
    model.train(was_training)
    return Evaluation(tally.metrics(), torch.cat(answers))


def evaluate_bundle(bundle: Path, task: Task, split: str, *, batch: int = 64) -> Evaluation:
    """Score an exported bundle on every item of a split.

    onnxruntime answers in a process without torch, and the very same metrics look at its answers.
    """
    parts = list(EpochLoader(task.dataset(split), task.collate, batch))
    longest = max(part.x.shape[1] for part in parts)
    x = torch.cat([functional.pad(part.x, (0, 0, 0, longest - part.x.shape[1])) for part in parts])
    lengths = torch.cat([part.lengths for part in parts])
    answers = torch.from_numpy(replay(bundle, x.numpy(), lengths.numpy()))
    scores = task.metrics()
    for part in parts:
        scores.update(answers[part.index], part)
    return Evaluation(numbers(scores), answers)


def numbers(scores: Scores) -> dict[str, float]:
    """Plain floats."""
    return {name: float(value) for name, value in scores.compute().items()}
