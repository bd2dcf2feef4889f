"""Daily demand of items, by a seed: counts with a week, a year, promotions that are planned, and a drift nobody knows.

    rate[t] = level * week[weekday] * exp(0.4 sin(2 pi (day of year - phase) / 365.25) + 0.9 promotion + z[t])
    z[t]    = 0.98 z[t-1] + 0.06 e[t]                                    e standard normal
    count   ~ negative binomial, mean rate, variance rate + dispersion * rate^2

drawn as Poisson of a rate that varies as Gamma does (Salinas et al. 2017, arXiv:1704.04110, has this likelihood for
such data). A promotion begins on a Monday with probability 1/10, and lasts a week.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqhub.data.configs_counts import DemandConfig
from seqhub.data.table import Numbers, Table

FIRST = np.datetime64("2021-01-04", "D")  # a Monday
WEEK = np.array([0.8, 0.8, 0.9, 1.0, 1.3, 1.5, 0.7])  # Monday first; their mean is 1
_LEVELS = (12.0, 0.2)  # pieces a day, of the first item and of the last
_YEAR, _LIFT, _STAYS, _MOVES = 0.4, 0.9, 0.98, 0.06
_PLANNED = 0.1


class Drawn(NamedTuple):
    """rate, sold, promotion: [items days]; times [days]."""

    rate: Numbers
    sold: Numbers
    promotion: Numbers
    times: NDArray[np.datetime64]


class DemandSource:
    """A table with the columns date, item, count and promotion (1 or 0), item by item."""

    def __init__(self, config: DemandConfig, base_dir: Path) -> None:
        del base_dir
        self.config = config

    def read(self) -> Table:
        """As many rows as items times days."""
        drawn = draw_demand(self.config)
        items, days = drawn.sold.shape
        return Table(
            {
                "date": np.tile(drawn.times.astype("datetime64[us]"), items),
                "item": np.repeat([f"item{i + 1:02d}" for i in range(items)], days),
                "count": drawn.sold.ravel(),
                "promotion": drawn.promotion.ravel(),
            },
            "demand",
        )


def draw_demand(config: DemandConfig) -> Drawn:
    """The counts, and the rates that they were drawn from."""
    draw, days = np.random.default_rng(config.seed), config.days
    levels = np.geomspace(*_LEVELS, config.items)
    phases = draw.uniform(0, 365.25, config.items)
    weeks = -(-days // 7)
    promotion = np.repeat(draw.random((config.items, weeks)) < _PLANNED, 7, axis=1)[:, :days].astype(np.float64)
    times = FIRST + np.arange(days)
    yearday = (times - times.astype("datetime64[Y]")).astype(np.float64)
    year = _YEAR * np.sin(2 * math.pi * (yearday - phases[:, None]) / 365.25)
    noise = draw.standard_normal((config.items, days))
    drift = np.zeros((config.items, days))
    for day in range(1, days):
        drift[:, day] = _STAYS * drift[:, day - 1] + _MOVES * noise[:, day]
    rate = levels[:, None] * WEEK[np.arange(days) % 7] * np.exp(year + _LIFT * promotion + drift)
    wide = draw.gamma(1 / config.dispersion, config.dispersion, rate.shape)
    return Drawn(rate, draw.poisson(rate * wide).astype(np.float64), promotion, times)
