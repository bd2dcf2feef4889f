"""The heads that the core itself registers beside the linear one, which needs no name. No torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import Config, HeadSpec, config, hookimpl, option
from seqhub.plugins.core_blocks import ActivationName


@config
class PerceptronHeadConfig(Config):
    """One hidden layer between the last block and the outputs."""

    hidden: int = option(64, help="width of the hidden layer", ge=1)
    activation: ActivationName = option("gelu", help="between the two projections")


@hookimpl
def seqhub_register_heads() -> Iterator[HeadSpec]:
    yield HeadSpec(
        name="perceptron",
        target="seqhub.nn.heads:PerceptronHead",
        config=PerceptronHeadConfig,
        summary="A hidden layer before the outputs.",
        examples=({"hidden": 8}, {"hidden": 3, "activation": "tanh"}),
    )
