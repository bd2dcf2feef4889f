"""Convolution over time and across positions, as over a spectrogram's frames and frequencies.

A step of D numbers is read as D / P channels at P positions, channel by channel; the output is C channels at P'
positions in the same order. Over time it is a `conv1d`: causal or centred, strided, dilated. Across positions it is
centred and padded with zeros, so P' = ceil(P / stride_across).
Shapes: B batch, T time, D input width, J input channels, C channels, P positions.
"""

from __future__ import annotations

from torch import Tensor, nn

from seqhub.nn import WHOLE, Activation, Context, Memory, SequenceLayer, State, Window, make_activation, zero_padding
from seqhub_conv.geometry import Padding, conv_geometry, shrunk, split


class Conv2d(SequenceLayer):
    """State: the last inputs of the window, and with stride or look-ahead how many of them wait."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        positions: int | None = None,
        kernel: int = 3,
        kernel_across: int = 3,
        stride: int = 1,
        stride_across: int = 1,
        dilation: int = 1,
        padding: Padding = "causal",
        activation: Activation = "relu",
        bias: bool = True,
    ) -> None:
        positions = d_in if positions is None else positions
        planes = split(d_in, positions)
        if kernel_across % 2 == 0:
            raise ValueError(f"kernel_across is {kernel_across}, expected an odd number, so that it has a middle")
        width = channels * shrunk(positions, stride_across)
        geometry = conv_geometry(width, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
        window = Window(d_in, past=int(geometry.past), future=int(geometry.future), stride=stride)
        super().__init__(d_in, geometry, window.state)
        self.window, self.shape = window, (planes, positions)
        self.conv = nn.Conv2d(
            planes,
            channels,
            (kernel, kernel_across),
            stride=(stride, stride_across),
            padding=(0, kernel_across // 2),
            dilation=(dilation, 1),
            bias=bias,
        )
        self.activation = make_activation(activation)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        buffer, out_lengths, next_state = self.window(zero_padding(x, lengths), lengths, state, ctx.end)
        frames = buffer.reshape(*buffer.shape[:2], *self.shape).transpose(1, 2)  # [B T+ D] -> [B J T+ P]
        y = self.activation(self.conv(frames)).transpose(1, 2).flatten(2)  # [B C T' P'] -> [B T' C*P']
        return zero_padding(y, out_lengths), out_lengths, next_state
