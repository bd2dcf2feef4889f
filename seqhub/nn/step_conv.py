"""Convolution over time that reads the steps as they lie in memory, [B T D].

torch's 1-D convolutions want channels first, [B D T], and pay for two transpositions forwards and two backwards. As a
2-D convolution over one row of steps with its channels last, the same sums need none. A graph gets the 1-D operator,
which every runtime knows and whose weight is a constant that can be quantised.
Shapes: B batch, T time, D input channels, C output channels, K kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class StepConv1d(nn.Conv1d):
    """`nn.Conv1d` without padding, [B T+ D] -> [B T' C]. Parameters, their names and first values are torch's."""

    def __init__(
        self,
        d_in: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(d_in, channels, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return self.convolve(input, self.weight)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """With this weight [C D/groups K] in place of its own."""
        if torch.compiler.is_exporting():
            return F.conv1d(x.mT, weight, self.bias, self.stride, 0, self.dilation, self.groups).mT
        row = x.mT.unsqueeze(2)  # [B D 1 T+]
        stride, dilation = (1, *self.stride), (1, *self.dilation)
        y = F.conv2d(row, weight.unsqueeze(2), self.bias, stride, 0, dilation, self.groups)
        return y.squeeze(2).mT
