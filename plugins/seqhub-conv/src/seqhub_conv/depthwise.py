"""Depthwise convolution over time: each channel has its own small filter.

    y_t[c] = activation( sum_i w_i[c] x_(t + F - (K - 1 - i)*d)[c] + b[c] )

The short causal form (kernel 4) stands before many linear recurrences; with look-ahead F = K - 1 it is the row
convolution that gives a forward recurrence a glimpse of what comes (arXiv:1512.02595).
Shapes: B batch, T time, D width.
"""

from __future__ import annotations

from seqhub.nn import Activation
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.geometry import Padding


class DepthwiseConv(Conv1d):
    """State: as `Conv1d`."""

    def __init__(
        self,
        d_in: int,
        *,
        kernel: int = 4,
        dilation: int = 1,
        padding: Padding = "causal",
        look_ahead: int = 0,
        activation: Activation = "none",
        bias: bool = True,
    ) -> None:
        super().__init__(
            d_in,
            channels=d_in,
            kernel=kernel,
            dilation=dilation,
            groups=d_in,
            padding=padding,
            look_ahead=look_ahead,
            activation=activation,
            bias=bias,
        )
