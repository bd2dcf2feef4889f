"""Specs of the encoders that change the number of steps, or look across a step's positions. No torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seqhub.api import BlockSpec, Config, EncoderSpec, Geometry, config, option
from seqhub_conv.geometry import (
    Padding,
    conv_geometry,
    grid_after,
    halvings,
    shrunk,
    upsample_geometry,
)
from seqhub_conv.options import (
    FLAGS,
    PADDING_HELP,
    ActivationName,
    Problems,
    even_kernel,
    short_kernel,
    uneven,
)

_POSITIONS_HELP = "positions of a step, such as frequencies; the rest are channels; null: all of the input width"
_AFTER_HELP = "applied after the convolution"


@config
class SubsamplingConfig(Config):
    channels: int = option(help="output width", ge=1)
    factor: Literal[2, 4, 8] = option(4, help="input steps per output step; one convolution for each halving")
    kernel: int = option(3, help="taps of every filter", unit="steps", ge=2)
    padding: Padding = option("causal", help=PADDING_HELP)
    activation: ActivationName = option("relu", help="applied after each convolution")

    def geometry(self, width: int) -> Geometry:
        total = Geometry(width=width)
        for _ in range(halvings(self.factor)):
            total = total.then(conv_geometry(self.channels, kernel=self.kernel, stride=2, padding=self.padding))
        return total


@config
class Conv2dConfig(Config):
    channels: int = option(help="output channels; the output width is this times the positions left", ge=1)
    positions: int | None = option(None, help=_POSITIONS_HELP, ge=1)
    kernel: int = option(3, help="taps over time", unit="steps", ge=1)
    kernel_across: int = option(3, help="taps across positions, an odd number", ge=1)
    stride: int = option(1, help="input steps per output step", unit="steps", ge=1)
    stride_across: int = option(1, help="input positions per output position", ge=1)
    dilation: int = option(1, help="input steps between two taps over time", unit="steps", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    activation: ActivationName = option("relu", help=_AFTER_HELP)
    bias: bool = option(True, help="add a bias per channel")

    def geometry(self, width: int) -> Geometry:
        positions = width if self.positions is None else self.positions
        return conv_geometry(
            self.channels * shrunk(positions, self.stride_across),
            kernel=self.kernel,
            stride=self.stride,
            dilation=self.dilation,
            padding=self.padding,
        )

    def problems(self, width: int) -> Problems:
        found = short_kernel(self.kernel, self.dilation, self.stride)
        return found + uneven(self.positions, width) + even_kernel(self.kernel_across, "kernel_across")


@config
class Subsampling2dConfig(Config):
    channels: int = option(help="channels of every convolution", ge=1)
    factor: Literal[2, 4, 8] = option(4, help="input steps per output step, and positions per output position")
    positions: int | None = option(None, help=_POSITIONS_HELP, ge=1)
    kernel: int = option(3, help="taps over time", unit="steps", ge=2)
    kernel_across: int = option(3, help="taps across positions, an odd number", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)
    activation: ActivationName = option("relu", help="applied after each convolution")

    def geometry(self, width: int) -> Geometry:
        at = width if self.positions is None else self.positions
        total = Geometry(width=width)
        for _ in range(halvings(self.factor)):
            at = shrunk(at, 2)
            conv = conv_geometry(self.channels * at, kernel=self.kernel, stride=2, padding=self.padding)
            total = total.then(conv)
        return total

    def problems(self, width: int) -> Problems:
        return uneven(self.positions, width) + even_kernel(self.kernel_across, "kernel_across")


@config
class SegmentsConfig(Config):
    width: int = option(help="output width", ge=1)
    length: int = option(help="steps that become one", unit="steps", ge=1)
    activation: ActivationName = option("relu", help="applied after the projection")
    bias: bool = option(True, help="add a bias")

    def geometry(self, width: int) -> Geometry:
        return conv_geometry(self.width, kernel=self.length, stride=self.length)


@config
class GridConvConfig(Config):
    channels: int = option(help="output channels; the output width is this times the cells left", ge=1)
    height: int = option(help="rows of the grid", ge=1)
    width: int = option(help="columns of the grid; height and width divide the input width", ge=1)
    kernel: int = option(3, help="rows and columns of the filter, an odd number", ge=1)
    stride: int = option(1, help="input cells per output cell, both ways", ge=1)
    pool: int = option(1, help="rows and columns of cells of which the largest is kept", ge=1)
    activation: ActivationName = option("relu", help=_AFTER_HELP)
    bias: bool = option(True, help="add a bias per channel")

    def geometry(self, width: int) -> Geometry:
        rows, columns = grid_after(self.height, self.width, stride=self.stride, pool=self.pool)
        return Geometry(width=self.channels * rows * columns)

    def problems(self, width: int) -> Problems:
        found = even_kernel(self.kernel, "kernel")
        if width % (self.height * self.width):
            message = f"a grid of {self.height} by {self.width} does not divide the input width {width}"
            found.append(("height", message, "make height * width * channels the input width"))
        return found


@config
class Pool1dConfig(Config):
    kind: Literal["max", "mean"] = option("max", help="the largest, or the mean")
    stride: int = option(2, help="input steps per output step", unit="steps", ge=1)
    kernel: int | None = option(None, help="steps of the window; null: stride", unit="steps", ge=1)
    padding: Padding = option("causal", help=PADDING_HELP)

    def geometry(self, width: int) -> Geometry:
        kernel = self.stride if self.kernel is None else self.kernel
        return conv_geometry(width, kernel=kernel, stride=self.stride, padding=self.padding)

    def problems(self, width: int) -> Problems:
        return [] if self.kernel is None else short_kernel(self.kernel, 1, self.stride)


@config
class UpsampleConfig(Config):
    factor: int = option(2, help="output steps per input step", ge=1)
    kind: Literal["repeat", "transposed"] = option("repeat", help="repeat each step, or a transposed convolution")
    channels: int | None = option(None, help="output width of a transposed convolution; null: the input width", ge=1)
    kernel: int | None = option(None, help="taps of a transposed convolution; null: factor", ge=1)

    def geometry(self, width: int) -> Geometry:
        kernel = self.factor if self.kernel is None else self.kernel
        return upsample_geometry(self.channels or width, factor=self.factor, kernel=kernel)

    def problems(self, width: int) -> Problems:
        found = []
        for name, value in (("channels", self.channels), ("kernel", self.kernel)):
            if self.kind == "repeat" and value is not None:
                found.append((name, f"kind: repeat has no {name}", f"set kind: transposed, or leave out {name}"))
        if self.kernel is not None and self.kernel < self.factor:
            message = f"kernel {self.kernel} leaves some of {self.factor} steps empty"
            found.append(("kernel", message, f"use kernel: {self.factor} or more"))
        return found


@config
class BatchNormConfig(Config):
    momentum: float = option(0.1, help="share of a batch in the running statistics", gt=0, le=1)
    eps: float = option(1e-5, help="added to the variance", gt=0)


def specs() -> Iterator[EncoderSpec]:
    yield EncoderSpec(
        name="subsampling",
        target="seqhub_conv.subsampling:Subsampling",
        config=SubsamplingConfig,
        summary="Convolutions of stride 2: 2, 4 or 8 times fewer steps.",
        reference="arXiv:1512.02595",
        examples=(
            {"channels": 4, "factor": 2, "kernel": 2, "activation": "gelu"},
            {"channels": 4, "factor": 8, "activation": "silu"},
            {"channels": 4, "factor": 4, "kernel": 5, "padding": "centred", "activation": "gelu"},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="conv2d",
        target="seqhub_conv.conv2d:Conv2d",
        config=Conv2dConfig,
        summary="Convolution over time and across positions, as over a spectrogram.",
        reference="arXiv:1512.02595",
        examples=(
            {"channels": 2},
            {"channels": 2, "kernel": 1, "kernel_across": 1, "activation": "tanh"},
            {"channels": 3, "positions": 4, "kernel": 2, "stride": 2, "stride_across": 3, "activation": "gelu"},
            {"channels": 2, "kernel": 3, "dilation": 2, "padding": "centred", "bias": False, "activation": "silu"},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="subsampling-2d",
        target="seqhub_conv.subsampling_2d:Subsampling2d",
        config=Subsampling2dConfig,
        summary="2-D convolutions of stride 2: 2, 4 or 8 times fewer frames and frequencies.",
        reference="arXiv:2005.08100",
        examples=(
            {"channels": 2, "activation": "silu"},
            {"channels": 2, "factor": 2, "positions": 4, "kernel": 2, "kernel_across": 1, "padding": "centred"},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="segments",
        target="seqhub_conv.segments:Segments",
        config=SegmentsConfig,
        summary="Every so many steps become one vector, by a linear map.",
        reference="arXiv:2308.11200",
        examples=({"width": 6, "length": 4, "activation": "gelu"}, {"width": 5, "length": 1, "activation": "none"}),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="grid-conv",
        target="seqhub_conv.grid:GridConv",
        config=GridConvConfig,
        summary="2-D convolution within each step, which holds a grid; the encoder before a ConvLSTM.",
        reference="arXiv:1506.04214",
        examples=(
            {"channels": 2, "height": 2, "width": 4, "pool": 2, "activation": "tanh"},
            {"channels": 3, "height": 2, "width": 2, "kernel": 1, "stride": 2, "activation": "none", "bias": False},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="pool1d",
        target="seqhub_conv.pool1d:Pool1d",
        config=Pool1dConfig,
        summary="Largest or mean over windows of time.",
        reference="doi:10.1109/5.726791",
        examples=(
            {"kind": "max"},
            {"kind": "max", "stride": 2, "kernel": 5, "padding": "centred"},
            {"kind": "mean", "stride": 2, "kernel": 3},
        ),
        flags=FLAGS,
    )
    yield EncoderSpec(
        name="upsample",
        target="seqhub_conv.upsample:Upsample",
        config=UpsampleConfig,
        summary="Each step becomes several: repeated, or by a transposed convolution.",
        reference="arXiv:1603.07285",
        examples=(
            {"factor": 2},
            {"factor": 3, "kind": "transposed", "channels": 6},
            {"factor": 2, "kind": "transposed", "kernel": 5},
            {"factor": 1, "kind": "transposed", "kernel": 3, "channels": 4},
        ),
        flags=FLAGS,
    )


def blocks() -> Iterator[BlockSpec]:
    yield BlockSpec(
        name="batch-norm",
        target="seqhub_conv.batch_norm:BatchNorm",
        config=BatchNormConfig,
        summary="Batch norm over the valid steps; running statistics in evaluation.",
        reference="arXiv:1502.03167",
        examples=({"momentum": 0.1},),
        flags=FLAGS,
    )
