"""Short causal depthwise convolution, and token shift: what many linear recurrences do to their input first.

    y_t[c] = activation( sum_i w_i[c] x_(t - (K - 1 - i))[c] + b[c] )

Unlike a plain convolution it honours resets: no tap reaches over one. Shapes: B batch, T time, D width, K kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.geometry import window_geometry
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import like_steps, zero_padding
from seqhub.nn.pointwise import Activation, make_activation
from seqhub.nn.state import WHOLE, Context, Memory, State
from seqhub.nn.step_conv import StepConv1d
from seqhub.nn.window import Window


class ShortConv(SequenceLayer):
    """State: the last K - 1 inputs."""

    def __init__(self, d_in: int, *, kernel: int = 4, activation: Activation = "silu", bias: bool = True) -> None:
        window = Window(d_in, past=kernel - 1)
        super().__init__(d_in, window_geometry(d_in, kernel=kernel), window.state)
        self.window, self.kernel = window, kernel
        self.conv = StepConv1d(d_in, d_in, kernel, groups=d_in, bias=bias)
        self.activation = make_activation(activation)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        buffer, _, next_state = self.window(x, lengths, state, ctx.end)
        if ctx.reset is None:
            y = self.conv(buffer)
        else:
            y = self._segmented(buffer, ctx.reset)
            next_state = {name: drop_before_reset(kept, lengths, ctx.reset) for name, kept in next_state.items()}
        return zero_padding(self.activation(y), lengths), lengths, next_state

    def _segmented(self, buffer: Tensor, reset: Tensor) -> Tensor:
        """buffer [B K-1+T D], reset [B T] -> y [B T D]: taps of an earlier segment count as zero."""
        steps = reset.shape[1]
        weight = self.conv.weight[:, 0]  # [D K]
        y = torch.zeros_like(buffer[:, :steps])
        for i, same in enumerate(same_segment(reset, self.kernel)):
            y = y + torch.where(like_steps(same, y), buffer[:, i : i + steps], torch.zeros_like(y)) * weight[:, i]
        return y if self.conv.bias is None else y + self.conv.bias


def same_segment(reset: Tensor, kernel: int) -> list[Tensor]:
    """For each tap of a window of `kernel` steps, the oldest first: is it of the newest tap's segment? K x [B T]."""
    steps = reset.shape[1]
    segment = F.pad(reset.long().cumsum(dim=1), (kernel - 1, 0))  # [B K-1+T]
    now = segment[:, kernel - 1 :]
    return [segment[:, i : i + steps] == now for i in range(kernel)]


def drop_before_reset(kept: Tensor, lengths: Tensor, reset: Tensor) -> Tensor:
    """The last inputs [B K-1 D] of a chunk, zero where the next chunk must not see them: before the last reset."""
    t = torch.arange(reset.shape[1], device=reset.device)
    real = reset & (t < lengths[:, None])
    last = torch.where(real, t, torch.full_like(t, -1)).amax(dim=1)  # [B], -1 where there is none
    age = torch.arange(kept.shape[1], 0, -1, device=reset.device)  # the oldest kept input first
    seen = like_steps((lengths[:, None] - age >= last[:, None]) | (last < 0)[:, None], kept)
    return torch.where(seen, kept, torch.zeros_like(kept))
