"""The plain blocks that the core itself registers, through the same hook as any plugin. No torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seqhub.api import INF, BlockSpec, Config, Geometry, config, hookimpl, option
from seqhub.geometry import decimate_geometry, from_last_geometry

FLAGS = {"onnx": True, "streaming": True, "double": True, "bfloat16": None}
ActivationName = Literal["none", "relu", "gelu", "silu", "tanh", "sigmoid", "elu", "relu2", "clipped-relu"]


@config
class LinearConfig(Config):
    width: int = option(help="output width", ge=1)
    bias: bool = option(True, help="add a bias")
    activation: ActivationName = option("none", help="applied after the projection")

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.width)


@config
class NormConfig(Config):
    kind: Literal["layer", "rms"] = option("layer", help="layer norm, or RMS norm")


@config
class MLPConfig(Config):
    ratio: float = option(4.0, help="inner width per width", gt=0)
    activation: ActivationName = option("gelu", help="between the two projections")
    gated: bool = option(False, help="gate the inner width (GLU)")
    dropout: float = option(0.0, help="dropout of the inner width", ge=0, lt=1)


@config
class GLUConfig(Config):
    width: int = option(help="output width", ge=1)
    activation: ActivationName = option("sigmoid", help="of the gate: sigmoid GLU, silu SwiGLU, gelu GEGLU, relu ReGLU")
    bias: bool = option(True, help="add a bias")

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.width)


@config
class InstanceNormConfig(Config):
    def geometry(self, width: int) -> Geometry:
        return Geometry(width=width, past=INF)


@config
class FromLastConfig(Config):
    def geometry(self, width: int) -> Geometry:
        return from_last_geometry(width)


@config
class DecimateConfig(Config):
    stride: int = option(help="steps of which the last one is kept", ge=2, unit="steps")

    def geometry(self, width: int) -> Geometry:
        return decimate_geometry(width, self.stride)


@config
class PoolConfig(Config):
    kind: Literal["mean", "max", "ends"] = option(
        "mean",
        help="mean or max of the steps so far; ends: both ends of a bidirectional layer. The last step needs no pool",
    )

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=width, past=INF)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.kind == "ends" and width % 2:
            message = f"kind: ends takes half of the width from each direction, but the width {width} is odd"
            return [("kind", message, "put it behind a cell with direction: bidirectional and merge: concat")]
        return []


@config
class PositionConfig(Config):
    kind: Literal["sinusoidal", "learned"] = option("sinusoidal", help="sines of the step's number, or a learnt table")
    base: float = option(10000.0, help="sinusoidal: the slowest sine turns once in 2 pi base steps", gt=1)
    longest: int = option(512, help="learned: rows of the table; later steps take its last row", ge=1, unit="steps")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.kind == "sinusoidal" and width % 2:
            message = f"kind: sinusoidal needs an even width for its pairs of sine and cosine, the width is {width}"
            return [("kind", message, "use an even width, or kind: learned")]
        return []


@config
class DropoutConfig(Config):
    rate: float = option(0.1, help="share of the numbers that are dropped in training", ge=0, lt=1)


@hookimpl
def seqhub_register_blocks() -> Iterator[BlockSpec]:
    yield BlockSpec(
        name="linear",
        target="seqhub.nn.pointwise:Linear",
        config=LinearConfig,
        summary="Linear projection of each step.",
        examples=({"width": 6}, {"width": 3, "bias": False, "activation": "tanh"}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="norm",
        target="seqhub.nn.pointwise:Norm",
        config=NormConfig,
        summary="Normalisation of each step.",
        reference="arXiv:1607.06450",
        examples=({"kind": "layer"}, {"kind": "rms"}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="mlp",
        target="seqhub.nn.pointwise:MLP",
        config=MLPConfig,
        summary="Two-layer feed-forward network on each step.",
        reference="arXiv:2002.05202",
        examples=({"ratio": 2.0}, {"ratio": 1.5, "gated": True, "activation": "silu"}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="glu",
        target="seqhub.nn.pointwise:GLU",
        config=GLUConfig,
        summary="Gated linear unit of each step.",
        reference="arXiv:1612.08083",
        examples=({"width": 5}, {"width": 6, "activation": "silu", "bias": False}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="instance-norm",
        target="seqhub.nn.running_norm:RunningNorm",
        config=InstanceNormConfig,
        summary="Each column of each sequence by the mean and deviation of its steps so far.",
        reference="https://openreview.net/forum?id=cGDAkQo1C0p",
        examples=({},),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="decimate",
        target="seqhub.nn.frontend:LastOfBlock",
        config=DecimateConfig,
        summary="The last step of every block of steps: what follows is computed there alone.",
        reference="Crochiere and Rabiner 1983, Multirate Digital Signal Processing",
        examples=({"stride": 2}, {"stride": 5}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="from-last",
        target="seqhub.nn.from_last:FromLast",
        config=FromLastConfig,
        summary="Each step less the sequence's last one; reads whole sequences only.",
        reference="arXiv:2205.13504",
        examples=({},),
        flags={**FLAGS, "streaming": False},
    )
    yield BlockSpec(
        name="pool",
        target="seqhub.nn.pool:Pool",
        config=PoolConfig,
        summary="Running pool over time: the last step holds the pool of the sequence.",
        reference="arXiv:1312.4400",
        examples=({"kind": "mean"}, {"kind": "max"}, {"kind": "ends"}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="position",
        target="seqhub.nn.position:Position",
        config=PositionConfig,
        summary="Where in its sequence a step stands, added to its input.",
        reference="arXiv:1706.03762",
        examples=({"kind": "sinusoidal"}, {"kind": "learned", "longest": 7}, {"kind": "sinusoidal", "base": 50.0}),
        flags=FLAGS,
    )
    yield BlockSpec(
        name="dropout",
        target="seqhub.nn.pointwise:Dropout",
        config=DropoutConfig,
        summary="Dropout of each number of each step.",
        reference="arXiv:1207.0580",
        examples=({"rate": 0.2},),
        flags=FLAGS,
    )
