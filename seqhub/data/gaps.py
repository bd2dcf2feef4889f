"""Missing values in a series."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqhub.data.table import Numbers

Filling = Literal["interpolate", "previous"]


def fill_gaps(values: Numbers, how: Filling) -> tuple[Numbers, NDArray[np.bool_]]:
    """Values [N] without NaN, and which of them were filled.

    interpolate: a straight line between the neighbours, the later of which was not known at the time.
    previous: the last value before the gap, as a live system would.
    A gap at the start has nothing before it and stays NaN; so does one at the end under `interpolate`.
    """
    missing = np.isnan(values)
    known = np.flatnonzero(~missing)
    if len(known) == 0 or not missing.any():
        return values, np.zeros(len(values), dtype=np.bool_)
    rows = np.arange(len(values))
    if how == "interpolate":
        filled = np.interp(rows, known, values[known], left=np.nan, right=np.nan)
    else:
        before = np.searchsorted(known, rows, side="right") - 1
        filled = np.where(before >= 0, values[known[before]], np.nan)
    return filled, missing & ~np.isnan(filled)
