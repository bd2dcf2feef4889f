"""How far answers are from what was measured, over all scored steps, in raw units.

rmse, mae   averaged over the targets
r2          1 - squared error / squared deviation from the mean of the split, averaged over the targets
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, R2Score

from seqhub.data.batch import Batch
from seqhub.tasks.measures import Metric


class RegressScores:
    """Scores over `targets` columns.  extra: what else scores the answers, by name."""

    def __init__(self, targets: int, extra: Mapping[str, Metric] | None = None) -> None:
        self.extra = dict(extra or {})
        self._absolute = MeanAbsoluteError(num_outputs=targets).set_dtype(torch.float64)
        self._squared = MeanSquaredError(num_outputs=targets).set_dtype(torch.float64)
        self._explained = R2Score(multioutput="uniform_average").set_dtype(torch.float64)
        self._count = 0

    def update(self, answer: Sequence[Tensor], batch: Batch) -> None:
        """answer: [T_i K] a row; steps whose target is NaN are left out."""
        truth = [row[:n] for row, n in zip(batch.target.cpu(), batch.target_lengths.tolist(), strict=True)]
        guessed, true = torch.cat([row.cpu() for row in answer]).double(), torch.cat(truth).double()
        scored = torch.isfinite(true).all(dim=1)
        guessed, true = guessed[scored], true[scored]  # [M K]
        if not len(true):
            return
        self._count += len(true)
        for metric in (self._absolute, self._squared, self._explained, *self.extra.values()):
            metric.update(guessed, true)

    def compute(self) -> dict[str, float]:
        mse = self._squared.compute().view(-1)
        found = {
            "rmse": float(mse.sqrt().mean()),
            "mae": float(self._absolute.compute().mean()),
            "r2": float(self._explained.compute()) if self._count > 1 else math.nan,
        }
        return found | {name: metric.compute() for name, metric in self.extra.items()}
