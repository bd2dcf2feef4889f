"""A clock before a cell: each step with its number since the row's start, as one more column.

Shapes: B batch, T time, D input width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, Slot, State, identity, zero_padding


class Clock(SequenceLayer):
    """State: n [B 1], the steps seen since the start or the last reset. Steps are numbered from 0; float32 counts
    exactly up to 16 million.
    """

    def __init__(self, d_in: int) -> None:
        super().__init__(d_in, identity(d_in + 1), {"n": Slot((1,), dtype="int64")})

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        t = torch.arange(x.shape[1], device=x.device)  # [T]
        number, seen = state["n"] + t, state["n"] + lengths[:, None]  # [B T], [B 1]
        if ctx.reset is not None and x.shape[1]:
            real = ctx.reset & (t < lengths[:, None])
            latest = torch.where(real, t, torch.full_like(t, -1)).cummax(dim=1).values  # [B T], -1 before any
            number = torch.where(latest >= 0, t - latest, number)
            last = latest[:, -1:]
            seen = torch.where(last >= 0, lengths[:, None] - last, seen)
        timed = torch.cat((x, number[..., None].to(x.dtype)), dim=-1)
        return zero_padding(timed, lengths), lengths, {"n": seen}
