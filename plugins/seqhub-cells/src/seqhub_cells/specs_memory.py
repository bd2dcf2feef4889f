"""Specs of the memory cells: no torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import CellConfig, CellSpec, config, option
from seqhub_cells.specs_classic import STEP


@config
class HeadsConfig(CellConfig):
    hidden: int = option(help="width of the output", ge=1)
    heads: int = option(4, help="memories side by side", ge=1)
    key_dim: int | None = option(None, help="rows of each memory, the width of its keys; null: hidden / heads", ge=1)
    value_dim: int | None = option(None, help="columns of each memory; null: hidden / heads", ge=1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.hidden % self.heads and (self.key_dim is None or self.value_dim is None):
            message = f"{self.heads} heads do not divide hidden: {self.hidden}"
            return [("heads", message, "set heads to a divisor of hidden, or give key_dim and value_dim")]
        return []


@config
class RetNetConfig(HeadsConfig):
    def problems(self, width: int) -> list[tuple[str, str, str]]:
        found = super().problems(width)
        key = self.hidden // self.heads if self.key_dim is None else self.key_dim
        if not found and key % 2:
            where = "heads" if self.key_dim is None else "key_dim"
            found.append((where, f"keys are {key} wide, but turn in pairs", "make key_dim, or hidden / heads, even"))
        return found


@config
class GLAConfig(HeadsConfig):
    rank: int = option(16, help="inner width of the forget gate", ge=1)


@config
class HGRN2Config(HeadsConfig):
    lower_bound: float = option(
        0.0, help="least share that is kept each step; give deeper layers more, up to 1", ge=0, lt=1
    )


@config
class ConvConfig(HeadsConfig):
    conv: int = option(4, help="steps that the short convolution sees; 1 for none but the present", ge=1)


@config
class DeltaConfig(ConvConfig):
    negative_eigenvalues: bool = option(False, help="let a write overshoot up to twice, so that a state can flip sign")


@config
class KDAConfig(ConvConfig):
    rank: int | None = option(None, help="inner width of forget and output gate; null: value_dim", ge=1)


@config
class RWKVConfig(HeadsConfig):
    rank: int = option(32, help="inner width of the low-rank gates and mixes", ge=1)


@config
class Mamba2Config(CellConfig):
    hidden: int = option(help="width of the output", ge=1)
    heads: int = option(4, help="memories side by side, each with its own decay", ge=1)
    state: int = option(64, help="rows of each memory", ge=1)
    expand: int = option(2, help="inner width as a multiple of hidden", ge=1)
    conv: int = option(4, help="steps that the short convolution sees; 1 for none but the present", ge=1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        inner = self.expand * self.hidden
        if inner % self.heads:
            message = f"{self.heads} heads do not divide expand * hidden: {inner}"
            return [("heads", message, f"set heads to a divisor of {inner}")]
        return []


def specs() -> Iterator[CellSpec]:
    """Every memory cell of this distribution."""
    yield CellSpec(
        name="linear-attention",
        target="seqhub_cells.linear_attention:LinearAttentionCell",
        config=HeadsConfig,
        summary="Attention without softmax: the past as one matrix, nothing forgotten.",
        reference="arXiv:2006.16236",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 3, "heads": 1}, {"hidden": 5, "key_dim": 1, "value_dim": 2}),
        flags=STEP,
    )
    yield CellSpec(
        name="retnet",
        target="seqhub_cells.retnet:RetNetCell",
        config=RetNetConfig,
        summary="Retention: linear attention that forgets at a fixed rate per head, with rotating keys.",
        reference="arXiv:2307.08621",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 6, "heads": 1, "key_dim": 2}),
        flags=STEP,
        aliases=("retention",),
    )
    yield CellSpec(
        name="gla",
        target="seqhub_cells.gla:GLACell",
        config=GLAConfig,
        summary="Gated linear attention: each key channel forgets at a rate that the input chooses.",
        reference="arXiv:2312.06635",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 5, "heads": 1, "key_dim": 3, "rank": 1}),
        flags=STEP,
    )
    yield CellSpec(
        name="mlstm",
        target="seqhub_cells.mlstm:MLSTMCell",
        config=ConvConfig,
        summary="The matrix LSTM of xLSTM: an input gate without upper bound, kept finite.",
        reference="arXiv:2405.04517",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 6, "heads": 1, "conv": 1}),
        flags=STEP,
    )
    yield CellSpec(
        name="delta-net",
        target="seqhub_cells.delta_net:DeltaNetCell",
        config=DeltaConfig,
        summary="A memory that corrects itself: it writes only what a key does not yet recall.",
        reference="arXiv:2406.06484",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 6, "heads": 1, "conv": 1, "negative_eigenvalues": True}),
        flags={**STEP, "bfloat16": False},  # readings near zero are normed, and no gate hides their lost digits
    )
    yield CellSpec(
        name="gated-delta-net",
        target="seqhub_cells.gated_delta_net:GatedDeltaNetCell",
        config=DeltaConfig,
        summary="DeltaNet that also forgets, each head at a rate that the input chooses.",
        reference="arXiv:2412.06464",
        examples=(
            {"hidden": 8, "heads": 2},
            {"hidden": 6, "heads": 1, "conv": 1},
            {"hidden": 5, "key_dim": 2, "value_dim": 3, "negative_eigenvalues": True},
        ),
        flags=STEP,
    )
    yield CellSpec(
        name="mamba2",
        target="seqhub_cells.mamba2:Mamba2Cell",
        config=Mamba2Config,
        summary="Mamba-2: a state space model with one decay a head.",
        reference="arXiv:2405.21060",
        examples=({"hidden": 6, "heads": 2, "state": 4}, {"hidden": 3, "heads": 1, "state": 1, "expand": 1, "conv": 1}),
        flags=STEP,
    )
    yield CellSpec(
        name="hgrn2",
        target="seqhub_cells.hgrn2:HGRN2Cell",
        config=HGRN2Config,
        summary="A gated linear recurrence widened to a matrix: what a channel forgets is what it writes.",
        reference="arXiv:2404.07904",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 5, "heads": 1, "lower_bound": 0.9}),
        flags=STEP,
    )
    yield CellSpec(
        name="kda",
        target="seqhub_cells.kda:KDACell",
        config=KDAConfig,
        summary="Kimi delta attention: Gated DeltaNet with a forgetting rate for every key channel.",
        reference="arXiv:2510.26692",
        examples=({"hidden": 8, "heads": 2}, {"hidden": 5, "heads": 1, "conv": 1, "rank": 1}),
        flags=STEP,
    )
    yield CellSpec(
        name="rwkv6",
        target="seqhub_cells.rwkv6:RWKV6Cell",
        config=RWKVConfig,
        summary="Finch: forgets by channel, gives the present a bonus, mixes each step with the one before.",
        reference="arXiv:2404.05892",
        examples=({"hidden": 8, "heads": 2, "rank": 3}, {"hidden": 6, "heads": 1, "key_dim": 2, "rank": 1}),
        flags=STEP,
        aliases=("finch",),
    )
    yield CellSpec(
        name="rwkv7",
        target="seqhub_cells.rwkv7:RWKV7Cell",
        config=RWKVConfig,
        summary="Goose: erases what one key recalls and writes another, each channel at its own strength.",
        reference="arXiv:2503.14456",
        examples=({"hidden": 8, "heads": 2, "rank": 3}, {"hidden": 6, "heads": 1, "key_dim": 2, "rank": 1}),
        flags=STEP,
        aliases=("goose",),
    )
