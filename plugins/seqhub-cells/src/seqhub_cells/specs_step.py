"""Specs of the step cells: no torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seqhub.api import INF, CellConfig, CellSpec, Geometry, config, option
from seqhub_cells.specs_classic import NATIVE, STEP


@config
class GatedConfig(CellConfig):
    bias: bool = option(True, help="add a bias to the input projection")


@config
class ForgetConfig(GatedConfig):
    forget_bias: float = option(1.0, help="first value of the forget gate's bias; larger remembers longer")


@config
class IRNNConfig(GatedConfig):
    scale: float = option(1.0, help="the recurrent matrix starts as this times the identity; below 1 forgets", ge=0)


@config
class ProjectedConfig(ForgetConfig):
    projection: int = option(help="width of the projection: what the gates and the next block see", ge=1)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.projection, past=INF)


@config
class LayerNormGRUConfig(CellConfig):
    hidden: int = option(help="width of the recurrent state; 2 or more, as one number normalised is a constant", ge=2)


@config
class LiGRUConfig(CellConfig):
    norm: Literal["layer", "none"] = option("layer", help="normalisation of what the input brings to each gate")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.norm == "layer" and self.hidden < 2:
            return [("hidden", "layer norm over 1 unit is a constant", "set hidden: 2 or more, or norm: none")]
        return []


@config
class IndRNNConfig(GatedConfig):
    nonlinearity: Literal["relu", "tanh"] = option("relu", help="what squashes the new state")
    steps: int | None = option(
        None, help="bound the recurrent weights so that this many steps at most double a value; null: no bound", ge=1
    )


@config
class SLSTMConfig(CellConfig):
    heads: int = option(1, help="groups of units that read only each other", ge=1)
    forget: Literal["sigmoid", "exponential"] = option("sigmoid", help="kind of forget gate")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.hidden % self.heads:
            message = f"heads: {self.heads} do not divide hidden: {self.hidden}"
            return [("heads", message, "choose heads that divide hidden")]
        return []


@config
class CfCConfig(CellConfig):
    backbone: int = option(64, help="width of the shared layers", ge=1)
    layers: int = option(1, help="number of shared layers", ge=1, le=8)


@config
class LTCConfig(CellConfig):
    unfolds: int = option(6, help="solver steps for each step of the sequence", ge=1, le=64)


@config
class ConvLSTMConfig(CellConfig):
    hidden: int = option(help="channels of the state; the output is this many times `positions` wide", ge=1)
    positions: int = option(help="positions that the input's columns are read as, channel by channel", ge=1)
    kernel: int = option(3, help="positions that the convolutions see, an odd number", ge=1)
    peephole: bool = option(True, help="let the gates see the memory")
    forget_bias: float = option(1.0, help="first value of the forget gate's bias; larger remembers longer")

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.hidden * self.positions, past=INF)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        found = []
        if width % self.positions:
            message = f"positions: {self.positions} do not divide the input width, {width}"
            found.append(("positions", message, "choose positions that divide the width of the block before"))
        if self.kernel % 2 == 0:
            found.append(("kernel", f"kernel: {self.kernel} has no middle", "choose an odd kernel"))
        return found


def specs() -> Iterator[CellSpec]:
    """Every step cell of this distribution but the classic ones."""
    yield from _networks()
    yield from _lstms()
    yield from _grus()
    yield from _over_time_and_place()


def _networks() -> Iterator[CellSpec]:
    yield CellSpec(
        name="irnn",
        target="seqhub_cells.irnn:IRNNCell",
        config=IRNNConfig,
        summary="Recurrent network of rectifiers that starts as the identity.",
        reference="arXiv:1504.00941",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False, "scale": 0.5}),
        flags=NATIVE,
    )
    yield CellSpec(
        name="indrnn",
        target="seqhub_cells.indrnn:IndRNNCell",
        config=IndRNNConfig,
        summary="Recurrent network in which each unit reads only its own past.",
        reference="arXiv:1803.04831",
        examples=({"hidden": 6}, {"hidden": 5, "nonlinearity": "tanh", "bias": False, "steps": 20}),
        flags=STEP,
    )
    yield CellSpec(
        name="ugrnn",
        target="seqhub_cells.ugrnn:UGRNNCell",
        config=ForgetConfig,
        summary="Recurrent network with one gate: what to keep.",
        reference="arXiv:1611.09913",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False}),
        flags=STEP,
    )


def _lstms() -> Iterator[CellSpec]:
    yield CellSpec(
        name="lstm-peephole",
        target="seqhub_cells.lstm_peephole:PeepholeLSTMCell",
        config=ForgetConfig,
        summary="LSTM whose gates see the memory.",
        reference="JMLR 3:115-143 (2002)",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False}),
        flags=STEP,
    )
    yield CellSpec(
        name="lstm-projected",
        target="seqhub_cells.lstm_projected:ProjectedLSTMCell",
        config=ProjectedConfig,
        summary="LSTM with a wide memory behind a narrow output.",
        reference="arXiv:1402.1128",
        examples=({"hidden": 6, "projection": 3}, {"hidden": 4, "projection": 1, "bias": False}),
        flags=STEP,
        aliases=("lstmp",),
    )
    yield CellSpec(
        name="lstm-coupled",
        target="seqhub_cells.lstm_coupled:CoupledLSTMCell",
        config=ForgetConfig,
        summary="LSTM that lets in as much as it forgets.",
        reference="arXiv:1503.04069",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False}),
        flags=STEP,
        aliases=("cifg",),
    )
    yield CellSpec(
        name="slstm",
        target="seqhub_cells.slstm:SLSTMCell",
        config=SLSTMConfig,
        summary="LSTM with exponential gates, a normaliser and heads, of xLSTM.",
        reference="arXiv:2405.04517",
        examples=({"hidden": 6, "heads": 2}, {"hidden": 4, "forget": "exponential"}, {"hidden": 1}),
        flags=STEP,
    )


def _grus() -> Iterator[CellSpec]:
    yield CellSpec(
        name="layernorm-gru",
        target="seqhub_cells.layernorm_gru:LayerNormGRUCell",
        config=LayerNormGRUConfig,
        summary="GRU with layer normalisation inside the step.",
        reference="arXiv:1607.06450",
        examples=({"hidden": 6}, {"hidden": 2}),
        flags=STEP,
    )
    yield CellSpec(
        name="mgu",
        target="seqhub_cells.mgu:MGUCell",
        config=GatedConfig,
        summary="Minimal gated unit: a GRU that keeps one gate.",
        reference="arXiv:1603.09420",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False}),
        flags=STEP,
    )
    yield CellSpec(
        name="li-gru",
        target="seqhub_cells.li_gru:LiGRUCell",
        config=LiGRUConfig,
        summary="Light GRU: no reset gate, a rectifier, normalised input.",
        reference="arXiv:1803.10225",
        examples=({"hidden": 6}, {"hidden": 1, "norm": "none"}),
        flags=STEP,
    )


def _over_time_and_place() -> Iterator[CellSpec]:
    yield CellSpec(
        name="cfc",
        target="seqhub_cells.cfc:CfCCell",
        config=CfCConfig,
        summary="Closed-form continuous-time cell: its gate reads the elapsed time.",
        reference="arXiv:2106.13898",
        examples=({"hidden": 6, "backbone": 10}, {"hidden": 1, "backbone": 5, "layers": 2}),
        flags=STEP,
    )
    yield CellSpec(
        name="ltc",
        target="seqhub_cells.ltc:LTCCell",
        config=LTCConfig,
        summary="Liquid time constants: a differential equation solved over the elapsed time.",
        reference="arXiv:2006.04439",
        examples=({"hidden": 6}, {"hidden": 1, "unfolds": 1}),
        flags=STEP,
    )
    yield CellSpec(
        name="conv-lstm",
        target="seqhub_cells.conv_lstm:ConvLSTMCell",
        config=ConvLSTMConfig,
        summary="LSTM whose matrices are convolutions over positions.",
        reference="arXiv:1506.04214",
        examples=(
            {"hidden": 3, "positions": 8},
            {"hidden": 2, "positions": 4, "kernel": 1, "peephole": False},
            {"hidden": 1, "positions": 1},
        ),
        flags=STEP,
    )
