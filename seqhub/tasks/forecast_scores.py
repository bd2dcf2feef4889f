"""How far a forecast is from the truth, in raw units or, with `units`, in standard ones.

    mae, mse, rmse   of the point forecast, over all windows, steps and targets
    mase             mae / mean |y[t] - y[t - season]| over train, averaged over targets (Hyndman and Koehler 2006)
    skill            1 - mae / mae of repeating the last value on the same windows, averaged over targets

and where an answer has a spread, see `seqhub.runtime.spread`:

    crps       continuous ranked probability score: for a point it would be the mae
    coverage   share of the truths inside the central interval of the share `interval`: it should be that share
    width      mean width of that interval

Shapes: B windows, L lookback, H horizon, P parameters, K targets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError

from seqhub.data.batch import Batch
from seqhub.runtime.spread import Spread
from seqhub.tasks.measures import Metric

_TINY = 1e-12  # a perfect baseline would divide by zero


class ForecastScores:
    """naive_error: [K] mean |y[t] - y[t - season]| over train.  extra: what else scores the answers, by name.

    spread: what an answer says of each number.  units: [K] raw units of one unit of the scores.
    """

    def __init__(
        self,
        naive_error: Tensor,
        extra: Mapping[str, Metric] | None = None,
        *,
        spread: Spread | None = None,
        units: Tensor | None = None,
        interval: float = 0.8,
    ) -> None:
        self.naive_error = naive_error.double()
        self.extra = dict(extra or {})
        self.spread, self.interval = spread or Spread(), interval
        targets = len(naive_error)
        self.units = torch.ones(targets, dtype=torch.float64) if units is None else units.double()
        self._absolute = MeanAbsoluteError(num_outputs=targets).set_dtype(torch.float64)
        self._squared = MeanSquaredError(num_outputs=targets).set_dtype(torch.float64)
        self._repeated = MeanAbsoluteError(num_outputs=targets).set_dtype(torch.float64)
        self._spread_sums = np.zeros(4)  # crps, inside, width, count

    def update(self, answer: Tensor, batch: Batch) -> None:
        """answer [B H*P*K]; of targets for every step, the last step's are scored."""
        truth = last_targets(batch.target)
        targets = truth.shape[-1]
        rows = torch.arange(len(batch.lengths), device=batch.lengths.device)
        last = batch.x[rows, batch.lengths - 1, :targets]  # [B K]
        values = answer.detach().double().cpu().view(*truth.shape[:2], self.spread.size, targets).numpy()  # [B H P K]
        point = torch.from_numpy(np.ascontiguousarray(self.spread.point(values)))
        true, guess, repeated = (
            (values.double().cpu() / self.units).reshape(-1, targets)  # [B*H K]
            for values in (truth, point, last.unsqueeze(1).expand_as(truth))
        )
        self._absolute.update(guess, true)
        self._squared.update(guess, true)
        self._repeated.update(repeated, true)
        for metric in self.extra.values():
            metric.update(guess, true)
        if self.spread.kind != "point":
            self._update_spread(values, truth.double().cpu().numpy())

    def _update_spread(self, values: np.ndarray, truth: np.ndarray) -> None:
        units = self.units.numpy()
        low, high = self.spread.interval(values, self.interval)
        inside = (truth >= low) & (truth <= high)
        crps = self.spread.crps(values, truth) / units
        self._spread_sums += [crps.sum(), inside.sum(), ((high - low) / units).sum(), truth.size]

    def compute(self) -> dict[str, float]:
        mae, repeated = self._absolute.compute().view(-1), self._repeated.compute().view(-1)
        mse = float(self._squared.compute().mean())
        naive = self.naive_error / self.units
        found = {
            "mae": float(mae.mean()),
            "mse": mse,
            "rmse": math.sqrt(mse),
            "mase": float((mae / naive.clamp(min=_TINY)).mean()),
            "skill": float((1 - mae / repeated.clamp(min=_TINY)).mean()),
        }
        if self.spread.kind != "point":
            sums = self._spread_sums[:3] / max(self._spread_sums[3], 1)
            found |= {"crps": float(sums[0]), "coverage": float(sums[1]), "width": float(sums[2])}
        return found | {name: metric.compute() for name, metric in self.extra.items()}


def last_targets(target: Tensor) -> Tensor:
    """Targets of the window's last step: [B H K] as it is, [B L H K] -> [B H K]."""
    return target if target.dim() == 3 else target[:, -1]
