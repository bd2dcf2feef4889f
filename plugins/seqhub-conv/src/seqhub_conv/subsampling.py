"""Fewer steps: convolutions of stride 2, one for each halving.

    x_(i+1)[j] = activation( W_i * x_i + b_i )[2j + 1]            i = 0 .. log2(factor) - 1

Shapes: B batch, T time, D input width, C channels.
"""

from __future__ import annotations

from seqhub.nn import Activation, Chain
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.geometry import Padding, halvings


class Subsampling(Chain):
    """State: the windows of the convolutions, `half0` first."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        factor: int = 4,
        kernel: int = 3,
        padding: Padding = "causal",
        activation: Activation = "relu",
    ) -> None:
        layers = {
            f"half{i}": Conv1d(
                channels if i else d_in,
                channels=channels,
                kernel=kernel,
                stride=2,
                padding=padding,
                activation=activation,
            )
            for i in range(halvings(factor))
        }
        super().__init__(d_in, layers)
