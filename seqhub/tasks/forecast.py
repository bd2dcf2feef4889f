"""Forecasting: from the last `lookback` rows of a table, the next `horizon` values of its targets.

x holds raw rows; standardising, differencing and the anchor are inside the model, so they are inside both graphs. The
loss is in units of `output_scale` or of the columns' deviations, metrics are in raw units or in those deviations.

An answer is one number a step and target, or says how it is spread: see `seqhub.runtime.spread`.

Shapes: B windows, L lookback, H horizon, D columns, K targets, P parameters (1 of a point), O = H*P*K (step by step,
targets side by side).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.data.columns import show_time
from seqhub.data.scaler import fit_scaler
from seqhub.data.splits import SPLITS
from seqhub.data.table import Source
from seqhub.data.windows import WindowDataset
from seqhub.errors import DataError
from seqhub.geometry import INF, Geometry
from seqhub.nn.ends import Ends
from seqhub.runtime.spread import Spread
from seqhub.tasks.base import Task, check_split, last_outputs
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData, step_seconds
from seqhub.tasks.forecast_baselines import naive_forecasts, naive_spread, seasonal_error, spread_out
from seqhub.tasks.forecast_report import describe_series
from seqhub.tasks.forecast_scores import ForecastScores
from seqhub.tasks.losses import build_loss
from seqhub.tasks.measures import build_metrics
from seqhub.tasks.series import Series, fit_ends, read_series, spread_of
from seqhub.tasks.spread_loss import spread_loss

_BATCH = 256


class Forecast(Task):
    """Windows over one series, or over each of several, split by time."""

    def __init__(self, options: ForecastConfig, data: ForecastData, source: Source, seed: int) -> None:
        del seed  # nothing here is drawn at random
        self.options = options
        self.data = data
        self.source = source
        self._loss = build_loss(options.loss)
        self._spread = spread_of(options)

    def prepare(self) -> None:
        self.series: Series = read_series(self.source, self.data, self.options)
        self._ends = fit_ends(self.series, self.options)
        self._values = torch.from_numpy(self.series.values).float()  # [N D]
        trains = [torch.from_numpy(train[:, : self.series.targets]) for train in self.series.each("train")]
        self._naive_error = seasonal_error(trains, self.options.season)
        self._units = torch.cat(trains).std(dim=0, correction=0) if self.options.scores == "standard" else None
        scale = self._ends.output_scale  # [O]
        if self.options.loss_units == "columns":
            column = fit_scaler(self.series.train[:, : self.series.targets]).scale  # [K], 1 where nothing changes
            scale = column * self.options.horizon
        self._scale = torch.tensor(scale, dtype=torch.float32)

    @property
    def ends(self) -> Ends:
        return self._ends

    def dataset(self, split: str) -> WindowDataset:
        """Windows whose targets lie in the split; those of train lie `stride` apart and may have a target per step."""
        check_split(split)
        options, training = self.options, split == "train"
        ends, begins = self.series.windows(split, options.lookback, options.horizon, options.stride if training else 1)
        return WindowDataset(
            self._values,
            ends,
            begins=begins,
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
        if self._spread.kind == "point":
            target = batch.target.reshape(prediction.shape)
            total = self._loss(prediction / scale, target / scale).sum()
        else:
            shape, target = self._ends.outputs, batch.target  # [.. H K]
            apart: Tensor = prediction.unflatten(-1, shape)  # type: ignore[no-untyped-call]  # [.. H P K]
            unit = scale.view(shape)[:, 0]
            total = spread_loss(self._spread.kind, self._spread.levels, apart, target, unit).sum()
        return total, torch.tensor(target.numel(), device=y.device)

    def metrics(self) -> ForecastScores:
        return self._scores(self._spread)

    def _scores(self, spread: Spread) -> ForecastScores:
        options = self.options
        return ForecastScores(
            self._naive_error,
            build_metrics(options.metrics),
            spread=spread,
            units=self._units,
            interval=options.interval,
        )

    def naive_answers(self, split: str) -> dict[str, Tensor]:
        """repeat-last, drift, and with a season seasonal and seasonal-drift: [windows H*K]."""
        return {name: forecast.flatten(1) for name, forecast in self._naive(*_rows(self.dataset(split))).items()}

    def _naive(self, ends: Tensor, begins: Tensor) -> dict[str, Tensor]:
        series, options = self._values[:, : self.series.targets], self.options
        return naive_forecasts(series, ends, options.horizon, options.season, options.lookback, begins)

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        """Of an answer with a spread, the naive forecasts have one too: the quantiles of their own errors in train."""
        if self._spread.kind == "point":
            return super().baselines(split)
        spread = naive_spread(self._spread, self.options.interval)
        known, begins = self._ends_with_seasons()
        steps = torch.arange(1, self.options.horizon + 1)
        truth = self._values[known[:, None] + steps, : self.series.targets]
        naive = self._naive(*_rows(self.dataset(split)))
        answers = spread_out(naive, self._naive(known, begins), truth, spread)
        scores = {name: self._scores(spread) for name in answers}
        items = self.dataset(split)
        for first in range(0, len(items), _BATCH):
            batch = self.collate([items[i] for i in range(first, min(first + _BATCH, len(items)))])
            for name, answer in answers.items():
                scores[name].update(answer[batch.index], batch)
        return {name: score.compute() for name, score in scores.items()}

    def check_geometry(self, geometry: Geometry) -> None:
        """DataError E312 where the time between rows would be lost on the way."""
        if self.data.elapsed and not (geometry.slowest == 1 and geometry.future in (0, INF)):
            what = "elapsed: the time between two rows cannot pass blocks with strides, resampling or look-ahead"
            raise DataError(what, code="E312", fix="remove elapsed, or those blocks")

    def _ends_with_seasons(self) -> tuple[Tensor, Tensor]:
        """The training windows that every seasonal forecast can answer, or all where none can: the last row of each and
        the first of its series [windows]."""
        ends, begins = _rows(self.dataset("train"))
        season = self.options.season or 1
        enough = ends - begins >= season * math.ceil(self.options.horizon / season)
        return (ends[enough], begins[enough]) if enough.any() else (ends, begins)

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
            **self._extras(),
        }

    def _extras(self) -> dict[str, Any]:
        """What a deployer needs beside the columns, where the recipe asks for it."""
        data, found = self.data, dict[str, Any]()
        if self._spread.kind != "point":
            found["output"] = {"kind": self._spread.kind, "levels": list(self._spread.levels)}
        if data.series:
            found["sequence"] = data.series
        made = data.calendar or data.mask or data.elapsed or data.known
        if made or data.missing != "error" or data.order == "sort" or data.repeated != "error":
            step = step_seconds(data.step) if data.step else None
            found["rows"] = {"order": data.order, "repeated": data.repeated, "step_s": step, "missing": data.missing}
            found["rows"] |= {"calendar": list(data.calendar), "mask": data.mask}
            found["rows"]["elapsed_s"] = step_seconds(data.elapsed) if data.elapsed else None
            if data.known:
                found["rows"] |= {"known": list(data.known), "targets": len(data.target)}
                found["rows"]["horizon"] = self.options.horizon
        return found

    def describe(self) -> dict[str, Any]:
        windows = {split: len(self.dataset(split)) for split in SPLITS}
        return describe_series(self.series, self.options, self.data, windows) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per window: its last row, the times of the predicted steps, truth and prediction by target."""
        names, horizon, times = self._ends.output_names, self.options.horizon, self.series.times
        targets, found = self.series.targets, []
        named = {part.first: part.name for part in self.series.parts}
        items = self.dataset(split)
        for index, (end, begin) in enumerate(zip(items.ends, items.begins, strict=True)):
            rows = range(end + 1, end + 1 + horizon)
            truth = self.series.values[end + 1 : end + 1 + horizon]
            parameters = answers[index].double().view(horizon, self._spread.size, targets).numpy()  # [H P K]
            guess, interval = self._spread.point(parameters), dict[str, Any]()
            if self._spread.kind != "point":
                low, high = self._spread.interval(parameters, self.options.interval)
                bounds = {
                    name: {"low": low[:, i].tolist(), "high": high[:, i].tolist()} for i, name in enumerate(names)
                }
                interval = {"interval": {"share": self.options.interval, **bounds}}
            found.append(
                {
                    "index": index,
                    **({"series": named[begin]} if self.data.series else {}),
                    "row": end - begin,
                    "times": [show_time(times[row]) for row in rows]
                    if times is not None
                    else [row - begin for row in rows],
                    "truth": {name: truth[:, i].tolist() for i, name in enumerate(names)},
                    "prediction": {name: guess[:, i].tolist() for i, name in enumerate(names)},
                    **interval,
                }
            )
        return found


def _rows(items: WindowDataset) -> tuple[Tensor, Tensor]:
    """The last row of each window, and the first of its series: [windows]."""
    return torch.tensor(items.ends), torch.tensor(items.begins)
