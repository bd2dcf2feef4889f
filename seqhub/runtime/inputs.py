"""Inputs, checked before they reach a graph: each error names the tensor, or the line of the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqhub.errors import BundleError

_SMALL = 4096  # numbers


def as_steps(
    value: Any, features: Sequence[str], name: str, *, at_least: int = 0, vocabulary: Sequence[int] = ()
) -> np.ndarray:
    """One sequence as float32 [T D], C-contiguous. [T] will do where there is one feature. With a `vocabulary` the
    steps are ids, int64, each from 0 up to the size of its column's vocabulary.

    Raises BundleError, naming `name`, for another dtype or shape, NaN or infinity, or fewer than `at_least` steps.
    """
    if _is_ready(value, len(features), vocabulary) and len(value) >= at_least:
        return np.asarray(value)
    array = value if isinstance(value, np.ndarray) else _as_array(value, name)
    if vocabulary:
        array = _as_ids(array, name)
    elif array.dtype != np.float32:
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
    if vocabulary:
        _check_ids(array, features, vocabulary, name)
    elif not np.isfinite(array).all():
        step, column = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
        message = f"'{name}' holds {array[step, column]} at step {step}, column '{features[column]}'"
        raise BundleError(
            message, fix="fill or remove such steps: padding is not needed, lengths may differ", code="E712"
        )
    return np.ascontiguousarray(array)


def _is_ready(value: Any, width: int, vocabulary: Sequence[int]) -> bool:
    """Whether this is what a graph takes already: what is pushed step by step is looked at as often as the graph runs,
    so a small chunk that fits takes a microsecond or two. False says nothing.
    """
    if type(value) is not np.ndarray or value.ndim != 2 or value.shape[1] != width or not value.flags.c_contiguous:
        return False
    if vocabulary:
        return value.dtype == np.int64 and bool((value.view(np.uint64) < np.array(vocabulary, np.uint64)).all())
    # One number that is not finite makes the sum of squares so. It may overflow without one, and it is slow, and spread
    # over threads, where the chunk is large.
    return value.dtype == np.float32 and value.size <= _SMALL and math.isfinite(np.vdot(value, value))


def _as_ids(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.kind not in "iu" and array.size:
        message = f"'{name}' holds {array.dtype}, expected ids (int64)"
        raise BundleError(message, fix="give the ids of tokens, or the text itself", code="E710")
    return array.astype(np.int64, copy=False)


def _check_ids(array: np.ndarray, features: Sequence[str], vocabulary: Sequence[int], name: str) -> None:
    """Every id lies inside its column's vocabulary."""
    wrong = (array < 0) | (array >= np.asarray(vocabulary))
    if wrong.any():
        step, column = (int(i) for i in np.argwhere(wrong)[0])
        found, size = array[step, column], vocabulary[column]
        message = f"'{name}' holds id {found} at step {step}, column '{features[column]}', expected 0 to {size - 1}"
        raise BundleError(message, fix="encode the text with the vocabulary of this bundle", code="E712")


def _as_array(value: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        message = f"'{name}' is no rectangular array: its rows differ in length"
        raise BundleError(message, fix="one row a step, one column a feature", code="E711") from None


def _word(name: str) -> str:
    return name if name.isidentifier() else "x"
