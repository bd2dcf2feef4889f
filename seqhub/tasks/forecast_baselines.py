"""Forecasts that need no model. A model that does not beat them has learnt nothing.

    repeat-last      y[t + h] = y[t]
    seasonal         y[t + h] = y[t + h - s]
    seasonal-drift   y[t + h] = y[t + h - s] + (y[t] - y[t - s])        last season, plus what has changed since

s is the season, or as many whole seasons as reach back from t + h to a value that is known. They may look back further
than the model's lookback; windows that have no value so far back would be scored for some and not for others, so a
baseline that cannot answer all of them is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor


def naive_forecasts(series: Tensor, ends: Tensor, horizon: int, season: int | None) -> dict[str, Tensor]:
    """For windows that end at rows `ends` [W] of series [N K]: name to predictions [W H K]."""
    last = series[ends].unsqueeze(1)  # [W 1 K]
    steps = torch.arange(1, horizon + 1)
    found = {"repeat-last": last.expand(-1, horizon, -1)}
    if season is None:
        return found
    back = season * ((steps + season - 1) // season)  # [H] whole seasons, so that t + h - back <= t
    before = ends.unsqueeze(1) + steps - back  # [W H]
    if int(before.min()) >= 0:
        found["seasonal"] = series[before]
    then = ends.unsqueeze(1) - back
    if int(then.min()) >= 0:
        found["seasonal-drift"] = series[before] + last - series[then]
    return found


def seasonal_error(train: Tensor, season: int | None) -> Tensor:
    """Mean |y[t] - y[t - season]| over train [N K]: [K]. Without a season, or with one too long, of the step before."""
    lag = season if season is not None and season < len(train) else 1
    return (train[lag:] - train[:-lag]).abs().mean(dim=0)
