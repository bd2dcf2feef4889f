"""Temporal convolutional network: residual blocks of two dilated causal convolutions, the dilation doubling.

    z = drop(relu( conv_d(x) ));   y = drop(relu( conv_d(z) ))
    out = relu( y + x )                                            x through a 1x1 convolution where widths differ

Bai et al. 2018, arXiv:1803.01271. Level i has dilation d * 2^i, so L levels see 1 + 2 (K - 1) d (2^L - 1) steps.
Weights start from N(0, 0.01), the biases as in torch. Differs: dropout draws each number of each step, not whole
channels.
Shapes: B batch, T time, D input width, C channels, K kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import WHOLE, Chain, Context, Memory, SequenceLayer, State, StepConv1d, zero_padding
from seqhub_conv.geometry import conv_geometry
from seqhub_conv.weight_norm import WeightNormConv1d
from seqhub_conv.windowed import WindowedConv


class TCN(Chain):
    """State: the windows of both convolutions of each level."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        kernel: int = 3,
        levels: int = 1,
        dilation: int = 1,
        dropout: float = 0.0,
        weight_norm: bool = True,
    ) -> None:
        layers: dict[str, SequenceLayer] = {}
        for i in range(levels):
            width = channels if i else d_in
            layers[f"level{i}"] = TCNBlock(width, channels, kernel, dilation * 2**i, dropout, weight_norm)
        super().__init__(d_in, layers)


class TCNBlock(SequenceLayer):
    """State: the windows of both convolutions."""

    def __init__(self, d_in: int, channels: int, kernel: int, dilation: int, dropout: float, weight_norm: bool) -> None:
        layers: dict[str, SequenceLayer] = {}
        for name, width in (("conv1", d_in), ("conv2", channels)):
            conv = _conv(width, channels, kernel, dilation, weight_norm)
            after = nn.Sequential(nn.ReLU(), nn.Dropout(dropout)) if dropout else nn.ReLU()
            geometry = conv_geometry(channels, kernel=kernel, dilation=dilation)
            layers[name] = WindowedConv(width, geometry, conv, activation=after)
        inner = Chain(d_in, layers)
        super().__init__(d_in, inner.geometry, inner.state)
        self.inner = inner
        self.skip = nn.Linear(d_in, channels) if d_in != channels else None
        if self.skip is not None:
            nn.init.normal_(self.skip.weight, 0, 0.01)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        y, _, next_state = self.inner(x, lengths, state, memory, ctx)
        skip = x if self.skip is None else self.skip(x)
        return zero_padding(torch.relu(y + skip), lengths), lengths, next_state


def _conv(d_in: int, channels: int, kernel: int, dilation: int, weight_norm: bool) -> StepConv1d:
    make = WeightNormConv1d if weight_norm else StepConv1d
    conv = make(d_in, channels, kernel, dilation=dilation)
    nn.init.normal_(conv.weight, 0, 0.01)
    if isinstance(conv, WeightNormConv1d):
        conv.match_gain()
    return conv
