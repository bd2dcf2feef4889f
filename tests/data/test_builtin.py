"""The data sets that arrive with a dependency, by numbers that anyone can look up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqhub.data.builtin import Co2Source, DigitsSource, SunspotsSource
from seqhub.data.columns import finite, increasing, numbers, times
from seqhub.data.configs import BuiltinConfig
from seqhub.errors import DataError

NOTHING = (BuiltinConfig(), Path())


def test_co2_is_weekly_with_59_gaps():
    table = Co2Source(*NOTHING).read()
    dates, co2 = times(table, "date"), numbers(table, "co2")
    increasing(table, "date", dates)
    assert len(co2) == 2284
    assert set(np.diff(dates)) == {np.timedelta64(7, "D")}
    assert (dates[0], dates[-1]) == (np.datetime64("1958-03-29"), np.datetime64("2001-12-29"))
    assert (co2[0], co2[-1]) == (316.1, 371.5)
    gaps = np.flatnonzero(np.isnan(co2))
    assert len(gaps) == 59
    assert dates[gaps[-1]] < np.datetime64("1986-01-01")
    with pytest.raises(DataError, match=r"co2 row 7, column 'co2': the value is missing"):
        finite(table, "co2")


def test_sunspots():
    table = SunspotsSource(*NOTHING).read()
    years, spots = times(table, "year"), finite(table, "sunspots")
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert (spots[0], spots[-1], spots.max()) == (5.0, 2.9, 190.2)
    assert years[spots.argmax()] == 1957


def test_digits():
    digits = DigitsSource(*NOTHING).read()
    assert len(digits.items) == len(digits.labels) == 1797
    assert {item.shape for item in digits.items} == {(8, 8)}
    assert digits.labels[:10] == [str(i) for i in range(10)]
    assert digits.items[0][0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
