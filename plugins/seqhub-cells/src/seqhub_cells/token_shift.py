"""Token shift: each step beside the one before it.

Shapes: B batch, T time, D input width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, Window, window_geometry, zero_padding


class TokenShift(SequenceLayer):
    """[x_t | x_(t-1)], zero before the first step and before a reset. State: the last input."""

    def __init__(self, d_in: int) -> None:
        window = Window(d_in, past=1)
        super().__init__(d_in, window_geometry(2 * d_in, kernel=2), window.state)
        self.window = window

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        buffer, _, next_state = self.window(x, lengths, state, ctx.end)  # [B 1+T D]
        before = buffer[:, : x.shape[1]]
        if ctx.reset is not None:
            before = torch.where(ctx.reset[..., None], torch.zeros_like(before), before)
        return torch.cat((x, before), dim=-1), lengths, next_state
