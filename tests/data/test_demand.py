"""Counts that are drawn by a seed: their law, their columns, and what a recipe sees of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.data.configs_counts import DemandConfig
from seqhub.data.demand import WEEK, DemandSource, draw_demand


def test_the_table_stands_item_by_item():
    table = DemandSource(DemandConfig(items=3, days=30), Path()).read()
    assert list(table.columns) == ["date", "item", "count", "promotion"]
    assert table.rows == 90
    assert table.columns["item"][[0, 29, 30, 89]].tolist() == ["item01", "item01", "item02", "item03"]
    dates = table.columns["date"][30:60]
    assert (np.diff(dates) == np.timedelta64(1, "D")).all()
    count = table.columns["count"]
    assert ((count >= 0) & (count % 1 == 0)).all()
    again = DemandSource(DemandConfig(items=3, days=30), Path()).read()
    np.testing.assert_array_equal(count, again.columns["count"])
    other = DemandSource(DemandConfig(items=3, days=30, seed=2), Path()).read()
    assert (count != other.columns["count"]).any()


def test_counts_are_negative_binomial_around_their_rates():
    """Mean rate, variance rate + dispersion * rate^2, and P(0) = (1 + dispersion * rate)^(-1 / dispersion)."""
    config = DemandConfig(items=40, days=2000, dispersion=0.5)
    drawn = draw_demand(config)
    rate, count = drawn.rate, drawn.sold
    assert abs((count - rate).mean()) < 4 * np.sqrt((rate + 0.5 * rate**2).sum()) / rate.size
    squared = ((count - rate) ** 2 / (rate + 0.5 * rate**2)).mean()
    assert abs(squared - 1) < 0.03
    zero = (1 + 0.5 * rate) ** (-1 / 0.5)
    assert abs((count == 0).mean() - zero.mean()) < 0.005


def test_a_week_a_promotion_and_the_first_item_sells_most():
    drawn = draw_demand(DemandConfig(items=10, days=1400))
    assert drawn.rate[0].mean() > 20 * drawn.rate[-1].mean()
    assert abs(WEEK.mean() - 1) < 1e-12
    assert drawn.times[0].astype(object).weekday() == 0
    by_day = drawn.rate.reshape(10, 200, 7).mean(axis=(0, 1))
    assert by_day.argmax() == WEEK.argmax() == 5
    weeks = drawn.promotion.reshape(10, 200, 7)
    assert (weeks == weeks[:, :, :1]).all()  # from Monday to Sunday
    assert 0.05 < weeks.mean() < 0.15
    logs = np.log(drawn.rate / drawn.rate.mean(axis=1, keepdims=True))
    lift = logs[drawn.promotion == 1].mean() - logs[drawn.promotion == 0].mean()
    assert 0.7 < lift < 1.1
