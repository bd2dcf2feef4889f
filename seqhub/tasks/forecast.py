"""Forecasting: from the last `lookback` rows of a table, the next `horizon` values of its targets.

x holds raw rows; standardising, differencing and the anchor are inside the model, so they are inside both graphs. The
loss is in units of `output_scale`, metrics are in raw units.

Shapes: B windows, L lookback, H horizon, D columns, K targets, O = H*K (step by step, targets side by side).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.data.columns import show_time
from seqhub.data.table import Source
from seqhub.data.windows import WindowDataset, window_ends
from seqhub.nn.ends import Ends
from seqhub.tasks.base import Task, check_split, last_outputs
from seqhub.tasks.configs import ForecastConfig, ForecastData
from seqhub.tasks.forecast_baselines import naive_forecasts, seasonal_error
from seqhub.tasks.forecast_report import describe_series
from seqhub.tasks.forecast_scores import ForecastScores
from seqhub.tasks.losses import build_loss
from seqhub.tasks.measures import build_metrics
from seqhub.tasks.series import Series, fit_ends, read_series


class Forecast(Task):
    """Windows over one series, split by time."""

    def __init__(self, options: ForecastConfig, data: ForecastData, source: Source, seed: int) -> None:
        del seed  # nothing here is drawn at random
        self.options = options
        self.data = data
        self.source = source
        self._loss = build_loss(options.loss)

    def prepare(self) -> None:
        self.series: Series = read_series(self.source, self.data, self.options)
        self._ends = fit_ends(self.series, self.options)
        self._values = torch.from_numpy(self.series.values).float()  # [N D]
        self._scale = torch.tensor(self._ends.output_scale)  # [O]
        train = torch.from_numpy(self.series.train[:, : self.series.targets])
        self._naive_error = seasonal_error(train, self.options.season)

    @property
    def ends(self) -> Ends:
        return self._ends

    def dataset(self, split: str) -> WindowDataset:
        """Windows whose targets lie in the split; those of train lie `stride` apart and may have a target per step."""
        check_split(split)
        options, training = self.options, split == "train"
        return WindowDataset(
            self._values,
            window_ends(self.series.spans[split], options.lookback, options.horizon, options.stride if training else 1),
            lookback=options.lookback,
            horizon=options.horizon,
            targets=self.series.targets,
            every_step=training and options.supervise == "all",
        )

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Over every step [B L O] where the batch has targets for each, else over the last one [B O]."""
        every_step = batch.target.dim() == 4
        prediction = y[:, : batch.target.shape[1]] if every_step else last_outputs(y, out_lengths)
        scale = self._scale.to(y)
        target = batch.target.reshape(prediction.shape)
        total = self._loss(prediction / scale, target / scale).sum()
        return total, torch.tensor(target.numel(), device=y.device)

    def metrics(self) -> ForecastScores:
        return ForecastScores(self._naive_error, build_metrics(self.options.metrics))

    def naive_answers(self, split: str) -> dict[str, Tensor]:
        """repeat-last, and with a season seasonal and seasonal-drift: [windows O]."""
        series, ends = self._values[:, : self.series.targets], torch.tensor(self.dataset(split).ends)
        found = naive_forecasts(series, ends, self.options.horizon, self.options.season)
        return {name: forecast.flatten(1) for name, forecast in found.items()}

    def manifest(self) -> dict[str, Any]:
        return {
            "type": "forecast",
            "lookback": self.options.lookback,
            "horizon": self.options.horizon,
            "season": self.options.season,
            "targets": list(self.data.target),
            "covariates": list(self.data.covariates),
            "time": self.data.time,
            "source": self.series.origin,
        }

    def describe(self) -> dict[str, Any]:
        windows = {split: len(self.dataset(split)) for split in self.series.spans}
        return describe_series(self.series, self.options, self.data, windows) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per window: its last row, the times of the predicted steps, truth and prediction by target."""
        names, horizon, times = self._ends.output_names, self.options.horizon, self.series.times
        found = []
        for index, end in enumerate(self.dataset(split).ends):
            rows = range(end + 1, end + 1 + horizon)
            truth, guess = self.series.values[end + 1 : end + 1 + horizon], answers[index].view(horizon, -1)
            found.append(
                {
                    "index": index,
                    "row": end,
                    "times": [show_time(times[row]) for row in rows] if times is not None else list(rows),
                    "truth": {name: truth[:, i].tolist() for i, name in enumerate(names)},
                    "prediction": {name: guess[:, i].tolist() for i, name in enumerate(names)},
                }
            )
        return found
