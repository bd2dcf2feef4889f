"""The convolutional encoders of this distribution, as specs: no torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seqhub.api import Config, EncoderSpec, Geometry, config, hookimpl, option
from seqhub_conv.geometry import conv_geometry

FLAGS = {"onnx": True, "streaming": True, "double": True, "bfloat16": None}


@config
class Conv1dConfig(Config):
    channels: int = option(help="output width", ge=1)
    kernel: int = option(help="taps of the filter", unit="steps", ge=1)
    stride: int = option(1, help="input steps per output step", unit="steps", ge=1)
    dilation: int = option(1, help="input steps between two taps", unit="steps", ge=1)
    groups: int = option(1, help="groups of channels that see only each other; divides input width and channels", ge=1)
    padding: Literal["causal", "centred"] = option(
        "causal", help="look at the past only, or at both sides (adds latency)"
    )
    activation: Literal["none", "relu", "gelu", "silu", "tanh"] = option("none", help="applied after the convolution")
    bias: bool = option(True, help="add a bias per channel")

    def geometry(self, width: int) -> Geometry:
        return conv_geometry(
            self.channels, kernel=self.kernel, stride=self.stride, dilation=self.dilation, padding=self.padding
        )

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        found = []
        if width % self.groups:
            found.append(("groups", f"groups {self.groups} does not divide the input width {width}", _divisors(width)))
        if self.channels % self.groups:
            fix = _divisors(self.channels)
            found.append(("groups", f"groups {self.groups} does not divide channels {self.channels}", fix))
        span = (self.kernel - 1) * self.dilation + 1
        if span < self.stride:
            message = (
                f"kernel {self.kernel} (dilation {self.dilation}) spans {span} steps, less than stride {self.stride}"
            )
            found.append(("kernel", message, f"use kernel: {self.stride} or more, or a smaller stride"))
        return found


@config
class DepthwiseConvConfig(Config):
    kernel: int = option(4, help="taps of each channel's filter", unit="steps", ge=1)
    dilation: int = option(1, help="input steps between two taps", unit="steps", ge=1)
    padding: Literal["causal", "centred"] = option(
        "causal", help="look at the past only, or at both sides (adds latency)"
    )
    activation: Literal["none", "relu", "gelu", "silu", "tanh"] = option("none", help="applied after the convolution")
    bias: bool = option(True, help="add a bias per channel")

    def geometry(self, width: int) -> Geometry:
        return conv_geometry(width, kernel=self.kernel, stride=1, dilation=self.dilation, padding=self.padding)


@hookimpl
def seqhub_register_encoders() -> Iterator[EncoderSpec]:
    yield EncoderSpec(
        name="conv1d",
        target="seqhub_conv.conv1d:Conv1d",
        config=Conv1dConfig,
        summary="Convolution over time: causal or centred, strided, dilated, grouped.",
        reference="doi:10.1109/5.726791",
        examples=(
            {"channels": 6, "kernel": 3},
            {"channels": 4, "kernel": 1},
            {"channels": 4, "kernel": 3, "dilation": 4, "activation": "gelu"},
            {"channels": 4, "kernel": 3, "stride": 3, "groups": 2},
            {"channels": 4, "kernel": 5, "stride": 2, "bias": False},
            {"channels": 6, "kernel": 5, "padding": "centred"},
            {"channels": 4, "kernel": 7, "stride": 2, "padding": "centred"},
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
        ),
        flags=FLAGS,
    )


def _divisors(number: int) -> str:
    return "use " + ", ".join(str(n) for n in range(1, number + 1) if number % n == 0)
