"""Pooling over time as a running result: output t pools steps 0 to t, so the last step pools the whole sequence, and
it streams.

Each pool is a cell, so lengths, chunks and both ONNX graphs come from the engines.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from seqhub.geometry import INF, Geometry
from seqhub.nn.cell import Cell, LinearCell, Projected
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.recurrent import Recurrent
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State

PoolKind = Literal["mean", "max", "ends"]


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


class EndsPool(SequenceLayer):
    """y_t = [first half of x_t | second half of x_0]: after a bidirectional layer, whose second half runs backwards,
    the last step holds the last state of both directions. State: back [B D/2], seen [B 1].
    """

    def __init__(self, d_in: int) -> None:
        if d_in % 2:
            raise ValueError(f"ends takes one half of the width from each direction, the width {d_in} is odd")
        super().__init__(d_in, Geometry(width=d_in, past=INF), {"back": Slot((d_in // 2,)), "seen": Slot((1,))})

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        ahead, back = x.chunk(2, dim=-1)  # 2 x [B T D/2]
        first = torch.where(state["seen"] > 0, state["back"], back[:, 0].to(state["back"].dtype))
        began = (lengths > 0)[:, None]
        y = torch.cat((ahead, first[:, None].to(x.dtype).expand_as(ahead)), dim=-1)
        next_state = {
            "back": torch.where(began, first, state["back"]),
            "seen": torch.where(began, torch.ones_like(state["seen"]), state["seen"]),
        }
        return zero_padding(y, lengths), lengths, next_state


class Pool(SequenceLayer):
    """One of the pools above, as a layer. State: its own."""

    def __init__(self, d_in: int, *, kind: PoolKind = "mean") -> None:
        if kind not in get_args(PoolKind):
            raise ValueError(f"kind is {kind!r}, expected one of {get_args(PoolKind)}")
        pool: SequenceLayer = (
            EndsPool(d_in) if kind == "ends" else Recurrent({"mean": MeanPool, "max": MaxPool}[kind](d_in))
        )
        super().__init__(d_in, Geometry(width=d_in, past=INF), pool.state)
        self.pool = pool

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        y, out_lengths, next_state = self.pool(x, lengths, state, memory, ctx)
        return y, out_lengths, next_state
