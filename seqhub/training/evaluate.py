"""Numbers for a split: one path for validation, test, torch and onnxruntime.

Metrics come from summed counts of single items, so they are the same for any batch size, and no item is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.nn.layer import SequenceLayer
from seqhub.training.loader import EpochLoader

if TYPE_CHECKING:
    from seqhub.tasks.base import Task


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
        return {"loss": self.total / max(self.count, 1.0)} | {k: float(v) for k, v in self.scores.compute().items()}


def evaluate_model(
    model: SequenceLayer, task: Task, split: str, *, batch: int = 64, limit: int | None = None
) -> tuple[dict[str, float], Tensor]:
    """Loss and metrics of a split, and the answer to each item: [N D'], in the order of the split."""
    loader = EpochLoader(task.dataset(split), task.collate, batch, limit=limit)
    was_training, tally, answers = model.training, Tally(task), []
    model.eval()
    with torch.inference_mode():
        for part in loader:
            answers.append(tally.update(*forward(model, part), part))
    model.train(was_training)
    return tally.compute(), torch.cat(answers)
