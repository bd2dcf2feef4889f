"""Convolution over time, causal or centred, with stride and dilation.

    y_j = activation( sum_i W_i x[j*s + s - 1 + F - (K - 1 - i)*d] + b )        i = 0 .. K-1

s stride, d dilation, K kernel, F look-ahead. Causal: F = 0, the window ends with the output's own block of s steps.
Centred: the
part of the window outside the block is shared between both sides, the larger half in the past. Before the first step
and after the last one the input counts as zero. L steps give L // s outputs: an output needs its whole block.
Shapes: B batch, T time, D input width, C channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from seqhub.nn import (
    WHOLE,
    Activation,
    Context,
    Memory,
    SequenceLayer,
    State,
    Window,
    make_activation,
    zero_padding,
)
from seqhub_conv.geometry import Padding, conv_geometry


class Conv1d(SequenceLayer):
    """State: the last inputs of the window, and with stride or look-ahead how many of them wait."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        padding: Padding = "causal",
        activation: Activation = "none",
        bias: bool = True,
    ) -> None:
        geometry = conv_geometry(channels, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
        window = Window(d_in, past=int(geometry.past), future=int(geometry.future), stride=stride)
        super().__init__(d_in, geometry, window.state)
        self.window = window
        self.conv = nn.Conv1d(d_in, channels, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias)
        self.activation = make_activation(activation)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        buffer, out_lengths, next_state = self.window(x, lengths, state, ctx.end)
        y = self.activation(self.conv(buffer.mT).mT)  # [B T+ D] -> [B T' C]
        return zero_padding(y, out_lengths), out_lengths, next_state
