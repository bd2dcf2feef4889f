"""Specs of the encoders that keep the number of steps, unless told to stride. No torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import Config, EncoderSpec, Geometry, config, option
from seqhub_conv.geometry import Padding, conv_geometry, side_by_side
from seqhub_conv.options import (
    FLAGS,
    NORM_HELP,
    PADDING_HELP,
    ActivationName,
    NormName,
    Problems,
    divisors,
    flat_norm,
    look_ahead_problems,
    short_kernel,
)

_AHEAD_HELP = "steps after its block that a causal window may see; adds as much latency"
_AFTER_HELP = "applied after the convolution"


@config
class Conv1dConfig(Config):
    channels: int = option(help="output width", ge=1)
    kernel: int = option(help="taps of the filter", unit="steps", ge=1)
    stride: int = option(1, help="input steps per output step", unit="steps", ge=1)
    dilation: int = option(1, help="input steps between two taps", unit="steps", ge=1)
    groups: int = option(1, help="groups of channels that see only each other; divides input width and channels", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    look_ahead: int = option(0, help=_AHEAD_HELP, unit="steps", ge=0)
    activation: ActivationName = option("none", help=_AFTER_HELP)
    bias: bool = option(True, help="add a bias per channel")

    def geometry(self, width: int) -> Geometry:
        return conv_geometry(
            self.channels,
            kernel=self.kernel,
            stride=self.stride,
            dilation=self.dilation,
            padding=self.padding,
            look_ahead=self.look_ahead,
        )

    def problems(self, width: int) -> Problems:
        found = short_kernel(self.kernel, self.dilation, self.stride)
        if width % self.groups:
            found.append(("groups", f"groups {self.groups} does not divide the input width {width}", divisors(width)))
        if self.channels % self.groups:
            fix = divisors(self.channels)
            found.append(("groups", f"groups {self.groups} does not divide channels {self.channels}", fix))
        window = {"kernel": self.kernel, "dilation": self.dilation, "stride": self.stride}
        return found + look_ahead_problems(self.look_ahead, self.padding, **window)


@config
class DepthwiseConvConfig(Config):
    kernel: int = option(4, help="taps of each channel's filter", unit="steps", ge=1)
    dilation: int = option(1, help="input steps between two taps", unit="steps", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    look_ahead: int = option(0, help=_AHEAD_HELP, unit="steps", ge=0)
    activation: ActivationName = option("none", help=_AFTER_HELP)
    bias: bool = option(True, help="add a bias per channel")

    def geometry(self, width: int) -> Geometry:
        return conv_geometry(
            width, kernel=self.kernel, dilation=self.dilation, padding=self.padding, look_ahead=self.look_ahead
        )

    def problems(self, width: int) -> Problems:
        window = {"kernel": self.kernel, "dilation": self.dilation, "stride": 1}
        return look_ahead_problems(self.look_ahead, self.padding, **window)


@config
class TCNConfig(Config):
    channels: int = option(help="output width", ge=1)
    kernel: int = option(3, help="taps of every filter", unit="steps", ge=1)
    levels: int = option(1, help="residual blocks, each of twice the dilation of the one before", ge=1, le=24)
    dilation: int = option(1, help="input steps between two taps, in the first block", unit="steps", ge=1)
    dropout: float = option(0.0, help="dropout after each convolution", ge=0, lt=1)
    weight_norm: bool = option(True, help="learn direction and length of the weights apart; an export folds them")

    def geometry(self, width: int) -> Geometry:
        total = Geometry(width=width)
        for level in range(self.levels):
            conv = conv_geometry(self.channels, kernel=self.kernel, dilation=self.dilation * 2**level)
            total = total.then(conv).then(conv)
        return total


@config
class WaveNetConfig(Config):
    channels: int = option(help="width inside: of the gates and of what runs from layer to layer", ge=1)
    skip: int = option(help="output width: of what all layers add up to", ge=1)
    kernel: int = option(2, help="taps of every filter", unit="steps", ge=1)
    layers: int = option(4, help="layers, each of twice the dilation of the one before, from 1", ge=1, le=24)
    stacks: int = option(1, help="how often the layers repeat, from dilation 1 again", ge=1)

    def geometry(self, width: int) -> Geometry:
        reach = self.stacks * (self.kernel - 1) * (2**self.layers - 1)
        return conv_geometry(self.skip, kernel=reach + 1)


@config
class ConformerConvConfig(Config):
    kernel: int = option(15, help="taps of the depthwise filter", unit="steps", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    norm: NormName = option("layer", help=NORM_HELP)
    dropout: float = option(0.0, help="dropout of the output", ge=0, lt=1)
    bias: bool = option(True, help="add biases")

    def geometry(self, width: int) -> Geometry:
        return conv_geometry(width, kernel=self.kernel, padding=self.padding)

    def problems(self, width: int) -> Problems:
        return flat_norm(self.norm, width)


@config
class SeparableConvConfig(Config):
    channels: int = option(help="output width", ge=1)
    kernel: int = option(3, help="taps of each channel's filter", unit="steps", ge=1)
    layers: int = option(1, help="depthwise and pointwise pairs", ge=1)
    stride: int = option(1, help="input steps per output step, in the first layer", unit="steps", ge=1)
    dilation: int = option(1, help="input steps between two taps", unit="steps", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    norm: NormName = option("layer", help=NORM_HELP)
    activation: ActivationName = option("relu", help="applied after each convolution")

    def geometry(self, width: int) -> Geometry:
        total = Geometry(width=width)
        for layer in range(self.layers):
            stride = 1 if layer else self.stride
            conv = conv_geometry(
                self.channels, kernel=self.kernel, stride=stride, dilation=self.dilation, padding=self.padding
            )
            total = total.then(conv)
        return total

    def problems(self, width: int) -> Problems:
        found = short_kernel(self.kernel, self.dilation, self.stride)
        return found + flat_norm(self.norm, min(width, self.channels))


@config
class TextCNNConfig(Config):
    channels: int = option(help="output width of each kernel", ge=1)
    kernels: list[int] = option([3, 4, 5], help="window widths, side by side", unit="steps", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    activation: ActivationName = option("relu", help=_AFTER_HELP)

    def geometry(self, width: int) -> Geometry:
        branches = [conv_geometry(self.channels, kernel=kernel, padding=self.padding) for kernel in self.kernels]
        return side_by_side(branches)

    def problems(self, width: int) -> Problems:
        return [] if self.kernels else [("kernels", "there is no kernel", "give one window width or more")]


def specs() -> Iterator[EncoderSpec]:
    yield EncoderSpec(
        name="conv1d",
        target="seqhub_conv.conv1d:Conv1d",
        config=Conv1dConfig,
        summary="Convolution over time: causal, centred or with look-ahead, strided, dilated, grouped.",
        reference="doi:10.1109/5.726791",
        examples=(
            {"channels": 6, "kernel": 3},
            {"channels": 4, "kernel": 1},
            {"channels": 4, "kernel": 3, "dilation": 4, "activation": "gelu"},
            {"channels": 4, "kernel": 3, "stride": 3, "groups": 2, "bias": False},
            {"channels": 6, "kernel": 5, "padding": "centred"},
            {"channels": 4, "kernel": 7, "stride": 2, "padding": "centred"},
            {"channels": 4, "kernel": 3, "dilation": 2, "stride": 2, "look_ahead": 3},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="depthwise-conv",
        target="seqhub_conv.depthwise:DepthwiseConv",
        config=DepthwiseConvConfig,
        summary="One short filter per channel.",
        reference="arXiv:1610.02357",
        examples=(
            {"kernel": 4},
            {"kernel": 1},
            {"kernel": 3, "dilation": 2, "padding": "centred", "activation": "silu"},
            {"kernel": 4, "look_ahead": 3, "bias": False},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="tcn",
        target="seqhub_conv.tcn:TCN",
        config=TCNConfig,
        summary="Residual blocks of two dilated causal convolutions.",
        reference="arXiv:1803.01271",
        examples=(
            {"channels": 6, "levels": 2, "dropout": 0.1},
            {"channels": 8, "kernel": 1, "weight_norm": False},
            {"channels": 4, "kernel": 2, "dilation": 4, "weight_norm": False},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="wavenet",
        target="seqhub_conv.wavenet:WaveNet",
        config=WaveNetConfig,
        summary="Gated dilated convolutions with residual and skip outputs.",
        reference="arXiv:1609.03499",
        examples=(
            {"channels": 4, "skip": 5, "layers": 2, "stacks": 2},
            {"channels": 4, "skip": 4, "kernel": 1, "layers": 1},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="conformer-conv",
        target="seqhub_conv.conformer:ConformerConv",
        config=ConformerConvConfig,
        summary="Convolution module of a Conformer: gate, depthwise filter, norm, swish.",
        reference="arXiv:2005.08100",
        examples=(
            {"kernel": 5},
            {"kernel": 1, "bias": False},
            {"kernel": 7, "padding": "centred", "norm": "batch", "dropout": 0.1},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="separable-conv",
        target="seqhub_conv.separable:SeparableConv",
        config=SeparableConvConfig,
        summary="Depthwise-separable stack: a filter per channel, then a mixture of channels.",
        reference="arXiv:1711.07128",
        examples=(
            {"channels": 6, "kernel": 3, "dilation": 2, "activation": "silu"},
            {"channels": 6, "kernel": 1, "norm": "none"},
            {"channels": 4, "kernel": 2, "stride": 2, "layers": 2, "norm": "batch", "activation": "gelu"},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="text-cnn",
        target="seqhub_conv.text_cnn:TextCNN",
        config=TextCNNConfig,
        summary="Convolutions of several widths side by side.",
        reference="arXiv:1408.5882",
        examples=(
            {"channels": 4},
            {"channels": 3, "kernels": [1, 4], "padding": "centred", "activation": "gelu"},
        ),
        flags=FLAGS,
    )
