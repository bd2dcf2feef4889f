"""Fewer frames and fewer frequencies: 2-D convolutions of stride 2 both ways, one for each halving.

The front of the Conformer (arXiv:2005.08100, factor 4), after that of DeepSpeech 2 (arXiv:1512.02595). The output is
channels * ceil(P / factor) wide, channel by channel; a `linear` block brings it to the model's width.
Shapes: B batch, T time, D input width, P positions (frequencies).
"""

from __future__ import annotations

from seqhub.nn import Activation, Chain, SequenceLayer
from seqhub_conv.conv2d import Conv2d
from seqhub_conv.geometry import Padding, halvings, shrunk


class Subsampling2d(Chain):
    """State: the windows of the convolutions, `half0` first."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        factor: int = 4,
        positions: int | None = None,
        kernel: int = 3,
        kernel_across: int = 3,
        padding: Padding = "causal",
        activation: Activation = "relu",
    ) -> None:
        layers: dict[str, SequenceLayer] = {}
        width, at = d_in, d_in if positions is None else positions
        for i in range(halvings(factor)):
            layers[f"half{i}"] = layer = Conv2d(
                width,
                channels=channels,
                positions=at,
                kernel=kernel,
                kernel_across=kernel_across,
                stride=2,
                stride_across=2,
                padding=padding,
                activation=activation,
            )
            width, at = layer.d_out, shrunk(at, 2)
        super().__init__(d_in, layers)
