"""Forecasts that need no model. A model that does not beat them has learnt nothing.

    repeat-last      y[t + h] = y[t]
    drift            y[t + h] = y[t] + h (y[t] - y[t - n]) / n                         the slope of the last n + 1 steps
    seasonal         y[t + h] = y[t + h - s]
    seasonal-drift   y[t + h] = y[t + h - s] + (y[t] - y[t - s])        last season, plus what has changed since

n + 1 is the model's lookback. s is the season, or as many whole seasons as reach back from t + h to a value that is
known. They may look back further than the model's lookback; windows that have no value so far back would be scored for
some and not for others, so a baseline that cannot answer all of them is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from seqhub.runtime.spread import Spread
from seqhub.tasks.configs_forecast import tails


def naive_forecasts(
    series: Tensor, ends: Tensor, horizon: int, season: int | None, lookback: int, begins: Tensor
) -> dict[str, Tensor]:
    """For windows that end at rows `ends` [W] of series [N K]: name to predictions [W H K].

    begins: [W] the first row of each window's own series.
    """
    last = series[ends].unsqueeze(1)  # [W 1 K]
    steps = torch.arange(1, horizon + 1)
    found = {"repeat-last": last.expand(-1, horizon, -1)}
    slope = (last - series[ends - lookback + 1].unsqueeze(1)) / (lookback - 1)
    found["drift"] = last + slope * steps[:, None]
    if season is None:
        return found
    back = season * ((steps + season - 1) // season)  # [H] whole seasons, so that t + h - back <= t
    before = ends.unsqueeze(1) + steps - back  # [W H]
    if bool((before >= begins[:, None]).all()):
        found["seasonal"] = series[before]
    then = ends.unsqueeze(1) - back
    if bool((then >= begins[:, None]).all()):
        found["seasonal-drift"] = series[before] + last - series[then]
    return found


def naive_spread(spread: Spread, interval: float) -> Spread:
    """The quantiles that naive forecasts answer: the model's, or nineteen and the ends of the interval."""
    if spread.kind == "quantiles":
        return spread
    low, high = tails(interval)
    return Spread("quantiles", tuple(sorted({*(round(0.05 * i, 2) for i in range(1, 20)), low, high})))


def spread_out(
    forecasts: Mapping[str, Tensor], in_train: Mapping[str, Tensor], truth: Tensor, spread: Spread
) -> dict[str, Tensor]:
    """Forecasts [W H K] with the quantiles of their errors over train, by lead and target: [W H*Q*K].

    Quantiles are taken about the median error, so that the median stays the naive forecast itself.
    in_train: the same forecasts of train's windows, and what came, `truth` [W' H K]. One that cannot answer them all is
    left out.
    """
    levels = torch.tensor(spread.levels, dtype=torch.float64)
    found = {}
    for name, forecast in forecasts.items():
        if name in in_train:
            errors = torch.quantile((truth - in_train[name]).double(), levels, dim=0)  # [Q H K]
            errors = errors - errors[spread.levels.index(0.5)]
            found[name] = (forecast.double().unsqueeze(2) + errors.transpose(0, 1)).flatten(1)  # [W H Q K]
    return found


def seasonal_error(trains: Sequence[Tensor], season: int | None) -> Tensor:
    """Mean |y[t] - y[t - season]| over train, of each series [N K]: [K]. Without a season, or with one that is too long
    for one of them, of the step before."""
    lag = season if season is not None and season < min(map(len, trains)) else 1
    return torch.cat([train[lag:] - train[:-lag] for train in trains]).abs().mean(dim=0)
