"""The plain blocks that the core itself registers, through the same hook as any plugin. No torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seqhub.api import BlockSpec, Config, Geometry, config, hookimpl, option

FLAGS = {"onnx": True, "streaming": True, "double": True, "bfloat16": None}
ActivationName = Literal["none", "relu", "gelu", "silu", "tanh"]


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
        name="dropout",
        target="seqhub.nn.pointwise:Dropout",
        config=DropoutConfig,
        summary="Dropout of each number of each step.",
        reference="arXiv:1207.0580",
        examples=({"rate": 0.2},),
        flags=FLAGS,
    )
