"""Specs of the classic cells: no torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seqhub.api import CellConfig, CellSpec, config, option

STEP = {"onnx": True, "streaming": True, "bidirectional": True, "double": True, "native": False, "bfloat16": None}
NATIVE = {**STEP, "native": True}


@config
class RNNConfig(CellConfig):
    bias: bool = option(True, help="add a bias to the input projection")
    nonlinearity: Literal["tanh", "relu"] = option("tanh", help="what squashes the new state")


@config
class LSTMConfig(CellConfig):
    bias: bool = option(True, help="add a bias to the gates")
    forget_bias: float = option(1.0, help="first value of the forget gate's bias; larger remembers longer")


@config
class GRUConfig(CellConfig):
    bias: bool = option(True, help="add biases to both projections")
    reset: Literal["after", "before"] = option(
        "after", help="apply the reset gate after or before the state's matrix product"
    )


@config
class LayerNormLSTMConfig(CellConfig):
    forget_bias: float = option(1.0, help="first value of the forget gate's bias; larger remembers longer")


@config
class MinGRUConfig(CellConfig):
    bias: bool = option(True, help="add a bias to gate and candidate")


def specs() -> Iterator[CellSpec]:
    """RNN, LSTM, GRU and their nearest relatives."""
    yield CellSpec(
        name="rnn",
        target="seqhub_cells.rnn:RNNCell",
        config=RNNConfig,
        summary="Simple recurrent network: one matrix, one squashing function.",
        reference="doi:10.1207/s15516709cog1402_1",
        examples=({"hidden": 6}, {"hidden": 5, "nonlinearity": "relu", "bias": False}),
        flags=NATIVE,
        aliases=("elman",),
    )
    yield CellSpec(
        name="lstm",
        target="seqhub_cells.lstm:LSTMCell",
        config=LSTMConfig,
        summary="Long short-term memory: three gates around an additive memory.",
        reference="doi:10.1162/neco.1997.9.8.1735",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False}),
        flags=NATIVE,
    )
    yield CellSpec(
        name="gru",
        target="seqhub_cells.gru:GRUCell",
        config=GRUConfig,
        summary="Gated recurrent unit: two gates, one state.",
        reference="arXiv:1406.1078",
        examples=({"hidden": 6}, {"hidden": 5, "reset": "before"}, {"hidden": 3, "bias": False}),
        flags=NATIVE,
    )
    yield CellSpec(
        name="layernorm-lstm",
        target="seqhub_cells.layernorm_lstm:LayerNormLSTMCell",
        config=LayerNormLSTMConfig,
        summary="LSTM with layer normalisation inside the step.",
        reference="arXiv:1607.06450",
        examples=({"hidden": 6},),
        flags=STEP,
    )
    yield CellSpec(
        name="min-gru",
        target="seqhub_cells.min_gru:MinGRUCell",
        config=MinGRUConfig,
        summary="A GRU whose gates do not read the state: linear, parallel over time.",
        reference="arXiv:2410.01201",
        examples=({"hidden": 6}, {"hidden": 5, "bias": False}),
        flags=STEP,
    )
