"""Depthwise-separable stack: a filter for each channel over time, then a mixture of channels at each step.

    z = activation( norm( depthwise(x) ) );   y = activation( norm( W z + b ) )

Zhang et al. 2017 (DS-CNN), arXiv:1711.07128, over time alone; the first of `layers` has the stride.
Shapes: B batch, T time, D input width, C channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from seqhub.nn import (
    WHOLE,
    Activation,
    Chain,
    Context,
    Memory,
    SequenceLayer,
    State,
    StepConv1d,
    make_activation,
    zero_padding,
)
from seqhub_conv.geometry import Padding, conv_geometry
from seqhub_conv.norms import make_norm
from seqhub_conv.options import NormName
from seqhub_conv.windowed import WindowedConv


class SeparableConv(Chain):
    """State: the windows of the depthwise convolutions."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        kernel: int = 3,
        layers: int = 1,
        stride: int = 1,
        dilation: int = 1,
        padding: Padding = "causal",
        norm: NormName = "layer",
        activation: Activation = "relu",
    ) -> None:
        stack: dict[str, SequenceLayer] = {}
        for i in range(layers):
            width, step = (channels, 1) if i else (d_in, stride)
            depthwise = WindowedConv(
                width,
                conv_geometry(width, kernel=kernel, stride=step, dilation=dilation, padding=padding),
                StepConv1d(width, width, kernel, stride=step, dilation=dilation, groups=width),
                norm=make_norm(norm, width),
                activation=make_activation(activation),
            )
            stack[f"layer{i}"] = Separable(depthwise, channels, norm, activation)
        super().__init__(d_in, stack)


class Separable(SequenceLayer):
    """State: the depthwise convolution's."""

    def __init__(self, depthwise: WindowedConv, channels: int, norm: NormName, activation: Activation) -> None:
        super().__init__(depthwise.d_in, depthwise.geometry.with_width(channels), depthwise.state)
        self.depthwise = depthwise
        self.pointwise = nn.Linear(depthwise.d_in, channels)
        self.norm = make_norm(norm, channels)
        self.activation = make_activation(activation)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        z, out_lengths, next_state = self.depthwise(x, lengths, state, memory, ctx)
        y = self.pointwise(z)
        if self.norm is not None:
            y = self.norm(y, out_lengths)
        return zero_padding(self.activation(y), out_lengths), out_lengths, next_state
