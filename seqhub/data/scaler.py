"""Shift and scale of columns, from the training split alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqhub.data.table import Numbers


@dataclass(frozen=True)
class Scaler:
    """x -> (x - shift) / scale, per column. `constant`: columns that never change, whose scale is 1."""

    shift: tuple[float, ...]
    scale: tuple[float, ...]
    constant: tuple[bool, ...]


def fit_scaler(values: Numbers) -> Scaler:
    """Mean and standard deviation (of the population) of each column of values [N D]."""
    return _scaler(values.mean(axis=0), values.std(axis=0))


def fit_scaler_of(items: Sequence[Numbers], clip: float | None = None) -> Scaler:
    """The same over the steps of items [T D], without a copy of all of them.

    clip: values further than this from the median, in robust deviations (1.4826 times the median absolute deviation),
    count as if they lay there.
    """
    low = high = None
    if clip is not None:
        steps = np.concatenate(items)
        centre = np.median(steps, axis=0)
        spread = 1.4826 * np.median(np.abs(steps - centre), axis=0)
        spread = np.where(spread > 0, spread, steps.std(axis=0))
        low, high = centre - clip * spread, centre + clip * spread
    count = sum(len(item) for item in items)

    def mean_of(power: int, shift: Numbers | float) -> Numbers:
        cut = (item if low is None else np.clip(item, low, high) for item in items)
        return np.asarray(sum(((item - shift) ** power).sum(axis=0) for item in cut) / count)

    shift = mean_of(1, 0.0)
    return _scaler(shift, np.sqrt(mean_of(2, shift)))


def _scaler(shift: Numbers, scale: Numbers) -> Scaler:
    constant = scale <= 1e-12 * np.maximum(1.0, np.abs(shift))
    scale = np.where(constant, 1.0, scale)
    return Scaler(tuple(shift.tolist()), tuple(scale.tolist()), tuple(constant.tolist()))
