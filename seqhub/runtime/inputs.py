"""Inputs, checked before they reach a graph: each error names the tensor, or the line of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqhub.errors import BundleError


def as_steps(value: Any, features: Sequence[str], name: str, *, at_least: int = 0) -> np.ndarray:
    """One sequence as float32 [T D], C-contiguous. [T] will do where there is one feature.

    Raises BundleError, naming `name`, for another dtype or shape, NaN or infinity, or fewer than `at_least` steps.
    """
    array = value if isinstance(value, np.ndarray) else _as_array(value, name)
    if array.dtype != np.float32:
        if array.dtype.kind not in "fiub":
            message = f"'{name}' holds {array.dtype}, expected numbers (float32)"
            raise BundleError(message, fix=f"convert it: np.asarray({_word(name)}, dtype=np.float32)", code="E710")
        with np.errstate(over="ignore"):  # an overflow becomes infinite, and is refused below
            array = array.astype(np.float32)
    if array.ndim == 1 and len(features) == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != len(features):
        columns = ", ".join(features)
        message = f"'{name}' has shape {list(array.shape)}, expected [T {len(features)}]: steps of {columns}"
        raise BundleError(message, fix="one row a step, one column a feature, in this order", code="E711")
    if len(array) < at_least:
        steps = "step" if at_least == 1 else "steps"
        raise BundleError(
            f"'{name}' has {len(array)} steps, at least {at_least} {steps} expected", fix="give more steps", code="E714"
        )
    if not np.isfinite(array).all():
        step, column = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
        message = f"'{name}' holds {array[step, column]} at step {step}, column '{features[column]}'"
        raise BundleError(
            message, fix="fill or remove such steps: padding is not needed, lengths may differ", code="E712"
        )
    return np.ascontiguousarray(array)


def _as_array(value: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        message = f"'{name}' is no rectangular array: its rows differ in length"
        raise BundleError(message, fix="one row a step, one column a feature", code="E711") from None


def _word(name: str) -> str:
    return name if name.isidentifier() else "x"
