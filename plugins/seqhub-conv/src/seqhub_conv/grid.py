"""A 2-D convolution within each step: a step of D numbers is read as J channels of a grid of H rows and W columns.

Channel by channel, row by row, in and out; the grid is padded with zeros to its own middle, so that ceil(H / stride) by
ceil(W / stride) are left, and then of each `pool` by `pool` cells the largest (an incomplete rim is left out). It is
the encoder in front of a ConvLSTM (arXiv:1506.04214) or of any recurrence over pictures. No time is mixed.
Shapes: B batch, T time, D = J*H*W input width, C channels.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import WHOLE, Activation, Context, Memory, SequenceLayer, State, identity, make_activation, zero_padding
from seqhub_conv.geometry import grid_after, split


class GridConv(SequenceLayer):
    """No state."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        height: int,
        width: int,
        kernel: int = 3,
        stride: int = 1,
        pool: int = 1,
        activation: Activation = "relu",
        bias: bool = True,
    ) -> None:
        planes = split(d_in, height * width)
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}, expected an odd number, so that it has a middle")
        rows, columns = grid_after(height, width, stride=stride, pool=pool)
        super().__init__(d_in, identity(channels * rows * columns))
        self.shape, self.pool = (planes, height, width), pool
        self.conv = nn.Conv2d(planes, channels, kernel, stride=stride, padding=kernel // 2, bias=bias)
        self.activation = make_activation(activation)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        grids = zero_padding(x, lengths).reshape(-1, *self.shape)  # [B*T J H W]
        y = self.activation(self.conv(grids))
        if self.pool > 1:
            y = F.max_pool2d(y, self.pool)
        return zero_padding(y.reshape(*x.shape[:2], self.d_out), lengths), lengths, {}
