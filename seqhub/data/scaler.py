"""Shift and scale of columns, from the training split alone."""

from __future__ import annotations

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
    shift, scale = values.mean(axis=0), values.std(axis=0)
    constant = scale <= 1e-12 * np.maximum(1.0, np.abs(shift))
    scale = np.where(constant, 1.0, scale)
    return Scaler(tuple(shift.tolist()), tuple(scale.tolist()), tuple(constant.tolist()))
