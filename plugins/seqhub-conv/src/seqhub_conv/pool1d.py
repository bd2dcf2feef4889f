"""Pooling over windows of time, one output every `stride` steps.

    y_j = max or mean of x[j*s + s - 1 + F - (K - 1) .. j*s + s - 1 + F]

s stride, K kernel, F look-ahead. Steps before the first and after the last are left out, not counted as zero.
Shapes: B batch, T time, D width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, Window, valid_steps, zero_padding
from seqhub_conv.geometry import Padding, conv_geometry


class Pool1d(SequenceLayer):
    """State: the last inputs of the window, beside each a 1 where there was a step, and how many of them wait."""

    def __init__(
        self,
        d_in: int,
        *,
        kind: Literal["max", "mean"] = "max",
        stride: int = 2,
        kernel: int | None = None,
        padding: Padding = "causal",
    ) -> None:
        if kind not in ("max", "mean"):
            raise ValueError(f"kind is {kind!r}, expected 'max' or 'mean'")
        kernel = stride if kernel is None else kernel
        geometry = conv_geometry(d_in, kernel=kernel, stride=stride, padding=padding)
        window = Window(d_in + 1, past=int(geometry.past), future=int(geometry.future), stride=stride)
        super().__init__(d_in, geometry, window.state)
        self.window, self.kind, self.kernel = window, kind, kernel

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        real = valid_steps(lengths, x.shape[1])[:, :, None].to(x.dtype)
        marked = torch.cat((zero_padding(x, lengths), real), dim=2)
        buffer, out_lengths, next_state = self.window(marked, lengths, state, ctx.end)
        values, real = buffer.mT[:, :-1], buffer.mT[:, -1:]  # [B D T+], [B 1 T+]
        if self.kind == "max":
            lowest = torch.finfo(values.dtype).min
            seen = torch.where(real > 0, values, lowest)[..., None]  # in 2-D: torch 2.13 exports max_pool1d at one size
            y = F.max_pool2d(seen, (self.kernel, 1), (self.window.stride, 1))[..., 0]
        else:
            share = F.avg_pool1d(real, self.kernel, self.window.stride)
            y = F.avg_pool1d(values, self.kernel, self.window.stride) / share.clamp(min=0.5 / self.kernel)
        return zero_padding(y.mT, out_lengths), out_lengths, next_state
