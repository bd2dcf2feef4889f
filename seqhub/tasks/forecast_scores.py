"""How far a forecast is from the truth, in raw units.

    mae, mse, rmse   over all windows, steps and targets
    mase             mae / mean |y[t] - y[t - season]| over train, averaged over targets (Hyndman and Koehler 2006)
    skill            1 - mae / mae of repeating the last value on the same windows, averaged over targets

Shapes: B windows, L lookback, H horizon, D columns, K targets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError

from seqhub.data.batch import Batch
from seqhub.tasks.measures import Metric

_TINY = 1e-12  # a perfect baseline would divide by zero


class ForecastScores:
    """naive_error: [K] mean |y[t] - y[t - season]| over train.  extra: what else scores the answers, by name."""

    def __init__(self, naive_error: Tensor, extra: Mapping[str, Metric] | None = None) -> None:
        self.naive_error = naive_error.double()
        self.extra = dict(extra or {})
        targets = len(naive_error)
        self._absolute = MeanAbsoluteError(num_outputs=targets).set_dtype(torch.float64)
        self._squared = MeanSquaredError(num_outputs=targets).set_dtype(torch.float64)
        self._repeated = MeanAbsoluteError(num_outputs=targets).set_dtype(torch.float64)

    def update(self, answer: Tensor, batch: Batch) -> None:
        """answer [B H*K]; of targets for every step, the last step's are scored."""
        truth = last_targets(batch.target)
        targets = truth.shape[-1]
        rows = torch.arange(len(batch.lengths), device=batch.lengths.device)
        last = batch.x[rows, batch.lengths - 1, :targets]  # [B K]
        true, guess, repeated = (
            values.reshape(-1, targets).double().cpu()  # [B*H K]
            for values in (truth, answer, last.unsqueeze(1).expand_as(truth))
        )
        self._absolute.update(guess, true)
        self._squared.update(guess, true)
        self._repeated.update(repeated, true)
        for metric in self.extra.values():
            metric.update(guess, true)

    def compute(self) -> dict[str, float]:
        mae, repeated = self._absolute.compute().view(-1), self._repeated.compute().view(-1)
        mse = float(self._squared.compute().mean())
        return {
            "mae": float(mae.mean()),
            "mse": mse,
            "rmse": math.sqrt(mse),
            "mase": float((mae / self.naive_error.clamp(min=_TINY)).mean()),
            "skill": float((1 - mae / repeated.clamp(min=_TINY)).mean()),
            **{name: metric.compute() for name, metric in self.extra.items()},
        }


def last_targets(target: Tensor) -> Tensor:
    """Targets of the window's last step: [B H K] as it is, [B L H K] -> [B H K]."""
    return target if target.dim() == 3 else target[:, -1]
