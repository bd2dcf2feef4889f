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


@config
class PerColumnHeadConfig(Config):
    """One linear map that every column's part of a step goes through, behind a `per-column` block."""

    columns: int = option(help="columns that stand side by side in a step; as many are answered", ge=1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if width % self.columns == 0:
            return []
        what = f"a step of width {width} is not {self.columns} columns of one width"
        return [("columns", what, "give the number of columns of the per-column block before it")]


@config
class PerSegmentHeadConfig(Config):
    """A step of a recurrent cell for every segment of a horizon, from the same state, the last block's output."""

    length: int = option(help="steps of the horizon that one segment holds", ge=1, unit="steps")
    columns: int = option(1, help="columns that stand side by side in a step; as many are answered", ge=1)
    dropout: float = option(0.0, help="dropout before the map to a segment's steps", ge=0, lt=1)
    cell_of: str | None = option(
        None, help="block whose cell steps for every segment, weights and all; null: a unit of the head's own"
    )

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if width % self.columns == 0:
            return []
        what = f"a step of width {width} is not {self.columns} columns of one width"
        return [("columns", what, "give the number of columns of the per-column block before it")]


@hookimpl
def seqhub_register_heads() -> Iterator[HeadSpec]:
    yield HeadSpec(
        name="perceptron",
        target="seqhub.nn.heads:PerceptronHead",
        config=PerceptronHeadConfig,
        summary="A hidden layer before the outputs.",
        examples=({"hidden": 8}, {"hidden": 3, "activation": "tanh"}),
    )
    yield HeadSpec(
        name="per-column",
        target="seqhub.nn.per_column:PerColumnHead",
        config=PerColumnHeadConfig,
        summary="One linear map for every column alone: channel independence up to the answer.",
        reference="arXiv:2211.14730",
        examples=({"columns": 1}, {"columns": 2}),
    )
    yield HeadSpec(
        name="per-segment",
        target="seqhub.nn.per_segment:PerSegmentHead",
        config=PerSegmentHeadConfig,
        summary="A horizon segment by segment: one recurrent step for each, in parallel.",
        reference="arXiv:2308.11200",
        examples=({"length": 3}, {"length": 1, "columns": 2}, {"length": 6, "dropout": 0.2}),
    )
