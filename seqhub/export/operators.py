"""Operators that torch's exporter writes in a form that fails for some numbers, written otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from onnxscript import opset20 as op

_ATEN: Any = torch.ops.aten


def log_sigmoid(x: Any) -> Any:
    """As -softplus(-x): the exporter's log(sigmoid(x)) is minus infinity below -18, as onnxruntime has it."""
    return op.Neg(op.Softplus(op.Neg(x)))


TRANSLATIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {_ATEN.log_sigmoid.default: log_sigmoid}
