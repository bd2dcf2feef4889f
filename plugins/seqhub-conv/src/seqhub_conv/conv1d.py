"""Convolution over time, causal or with look-ahead, with stride, dilation and groups.

    y_j = activation( sum_i W_i x[j*s + s - 1 + F - (K - 1 - i)*d] + b )        i = 0 .. K-1

s stride, d dilation, K kernel, F look-ahead. Causal: F = 0, the window ends with the output's own block of s steps.
Centred: the part of the window outside the block is shared between both sides, the larger half in the past. Or F is
given. Before the first step and after the last one the input counts as zero. L steps give L // s outputs: an output
needs its whole block. Shapes: B batch, T time, D input width, C channels.
"""

from __future__ import annotations

from seqhub.nn import Activation, StepConv1d, make_activation
from seqhub_conv.geometry import Padding, conv_geometry
from seqhub_conv.windowed import WindowedConv


class Conv1d(WindowedConv):
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
        look_ahead: int = 0,
        activation: Activation = "none",
        bias: bool = True,
    ) -> None:
        geometry = conv_geometry(
            channels, kernel=kernel, stride=stride, dilation=dilation, padding=padding, look_ahead=look_ahead
        )
        conv = StepConv1d(d_in, channels, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias)
        super().__init__(d_in, geometry, conv, activation=make_activation(activation))
