"""Pooling over time as a running result: output t pools steps 0 to t, so the last step pools the whole sequence, and
it streams.

Each pool is a cell, so lengths, chunks and both ONNX graphs come from the engines.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn.cell import Cell, LinearCell, Projected
from seqhub.nn.state import Context, Slot, State


class MeanPool(LinearCell):
    """State: sum [B D], count [B 1]. Output: sum / count."""

    def __init__(self, d_in: int) -> None:
        super().__init__(d_in, output_size=d_in, state={"sum": Slot((d_in,)), "count": Slot((1,))})

    def coeffs(self, p: Projected, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        one = torch.ones_like(p[..., :1])
        return {"sum": (torch.ones_like(p), p), "count": (one, one)}

    def emit(self, h: State, p: Projected) -> Tensor:
        return h["sum"] / h["count"].clamp(min=1)


class MaxPool(Cell):
    """State: max [B D], from the smallest float32. Output: max."""

    def __init__(self, d_in: int) -> None:
        low = torch.finfo(torch.float32).min
        super().__init__(d_in, output_size=d_in, state={"max": Slot((d_in,), init=low)})

    def step(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        peak = torch.maximum(state["max"], p)
        return peak, {"max": peak}
