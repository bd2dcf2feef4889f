"""Specs of the linear cells: no torch here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from seqhub.api import CellConfig, CellSpec, config, option

LINEAR = {"onnx": True, "streaming": True, "bidirectional": True, "double": True, "native": False, "bfloat16": True}


@config
class MinLSTMConfig(CellConfig):
    bias: bool = option(True, help="add a bias to gates and candidate")
    forget_bias: float = option(1.0, help="first value of the forget gate's bias; larger remembers longer")


@config
class QRNNConfig(CellConfig):
    kernel: int = option(2, help="input steps that gates and candidate read", ge=1)
    pooling: Literal["f", "fo", "ifo"] = option("fo", help="gates of the pooling: forget, output, input")
    zoneout: float = option(0.0, help="share of channels that keep their state for a step, in training", ge=0, lt=1)


@config
class SRUConfig(CellConfig):
    state_gates: bool = option(True, help="let the gates read the state; without, the cell is parallel over time")
    highway_bias: float = option(0.0, help="first value of the reset gate's bias; below 0 more of the input passes")


@config
class RGLRUConfig(CellConfig):
    heads: int = option(1, help="blocks of the gates' matrices", ge=1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        return _divides("heads", self.heads, "hidden", self.hidden)


@config
class LRUConfig(CellConfig):
    hidden: int = option(help="width of the output", ge=1)
    states: int = option(64, help="complex numbers of state", ge=1)
    r_min: float = option(0.0, help="smallest decay of a state per step at the start", ge=0, lt=1)
    r_max: float = option(1.0, help="largest decay of a state per step at the start", gt=0, le=1)
    max_phase: float = option(2 * math.pi, help="largest turn of a state per step at the start", gt=0, le=2 * math.pi)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        return _ordered("r_min", self.r_min, "r_max", self.r_max)


@config
class S4DConfig(CellConfig):
    hidden: int = option(help="width of the output", ge=1)
    states: int = option(32, help="complex numbers of state for each input channel", ge=1)
    spectrum: Literal["legs", "lin", "inv"] = option("legs", help="first frequencies of the states")
    dt_min: float = option(1e-3, help="smallest step size at the start", gt=0)
    dt_max: float = option(0.1, help="largest step size at the start", gt=0)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        return _ordered("dt_min", self.dt_min, "dt_max", self.dt_max)


@config
class S5Config(CellConfig):
    hidden: int = option(help="width of the output", ge=1)
    states: int = option(32, help="complex numbers of state", ge=1)
    blocks: int = option(1, help="independent blocks of the first state matrix", ge=1)
    dt_min: float = option(1e-3, help="smallest step size at the start", gt=0)
    dt_max: float = option(0.1, help="largest step size at the start", gt=0)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        found = _ordered("dt_min", self.dt_min, "dt_max", self.dt_max)
        return found + _divides("blocks", self.blocks, "states", self.states)


@config
class HGRNConfig(CellConfig):
    floor: float = option(0.0, help="lower bound of the forget gate; raise it from layer to layer", ge=0, lt=1)
    rotate: bool = option(True, help="complex state, turned by a learnt angle each step")


@config
class MambaConfig(CellConfig):
    hidden: int = option(help="width of the output", ge=1)
    states: int = option(16, help="numbers of state for each inner channel", ge=1)
    expand: int = option(2, help="inner channels per output channel", ge=1)
    kernel: int = option(4, help="taps of the short convolution", ge=1)
    rank: int | None = option(None, help="width of the step size's bottleneck; by default hidden / 16", ge=1)


def specs() -> Iterator[CellSpec]:
    """Every linear cell of this distribution."""
    yield CellSpec(
        name="min-lstm",
        target="seqhub_cells.min_lstm:MinLSTMCell",
        config=MinLSTMConfig,
        summary="An LSTM whose gates do not read the state: linear, parallel over time.",
        reference="arXiv:2410.01201",
        examples=({"hidden": 6}, {"hidden": 1, "bias": False}),
        flags=LINEAR,
    )
    yield CellSpec(
        name="qrnn",
        target="seqhub_cells.qrnn:QRNNCell",
        config=QRNNConfig,
        summary="Quasi-recurrent network: convolutions compute the gates of a pooling over time.",
        reference="arXiv:1611.01576",
        examples=(
            {"hidden": 6},
            {"hidden": 5, "kernel": 3, "pooling": "ifo", "zoneout": 0.2},
            {"hidden": 1, "kernel": 1, "pooling": "f"},
        ),
        flags=LINEAR,
    )
    yield CellSpec(
        name="sru",
        target="seqhub_cells.sru:SRUCell",
        config=SRUConfig,
        summary="Simple recurrent unit: elementwise state, highway around it.",
        reference="arXiv:1709.02755",
        examples=({"hidden": 8}, {"hidden": 8, "state_gates": False}, {"hidden": 5, "highway_bias": -2.0}),
        flags=LINEAR,
    )
    yield CellSpec(
        name="rg-lru",
        target="seqhub_cells.rg_lru:RGLRUCell",
        config=RGLRUConfig,
        summary="Real-gated linear recurrent unit, the recurrence of Griffin.",
        reference="arXiv:2402.19427",
        examples=({"hidden": 8, "heads": 4}, {"hidden": 6}, {"hidden": 1}),
        flags=LINEAR,
    )
    yield CellSpec(
        name="lru",
        target="seqhub_cells.lru:LRUCell",
        config=LRUConfig,
        summary="Linear recurrent unit: complex states that turn and decay at learnt rates.",
        reference="arXiv:2303.06349",
        examples=(
            {"hidden": 6, "states": 5},
            {"hidden": 1, "states": 1, "r_min": 0.9, "r_max": 0.99, "max_phase": 0.3},
        ),
        flags=LINEAR,
    )
    yield CellSpec(
        name="s4d",
        target="seqhub_cells.s4d:S4DCell",
        config=S4DConfig,
        summary="Diagonal state-space system for each channel, mixed by a gated layer.",
        reference="arXiv:2206.11893",
        examples=(
            {"hidden": 6, "states": 4},
            {"hidden": 5, "states": 3, "spectrum": "lin", "dt_min": 0.05, "dt_max": 0.5},
            {"hidden": 1, "states": 1, "spectrum": "inv"},
        ),
        flags=LINEAR,
    )
    yield CellSpec(
        name="s5",
        target="seqhub_cells.s5:S5Cell",
        config=S5Config,
        summary="State-space system over all channels, diagonal in its own basis.",
        reference="arXiv:2208.04933",
        examples=({"hidden": 6, "states": 4}, {"hidden": 1, "states": 6, "blocks": 3, "dt_min": 0.05, "dt_max": 0.5}),
        flags=LINEAR,
    )
    yield CellSpec(
        name="hgrn",
        target="seqhub_cells.hgrn:HGRNCell",
        config=HGRNConfig,
        summary="Hierarchically gated recurrent unit: a forget gate with a floor over a turning state.",
        reference="arXiv:2311.04823",
        examples=({"hidden": 6}, {"hidden": 5, "floor": 0.8, "rotate": False}, {"hidden": 1, "floor": 0.5}),
        flags=LINEAR,
    )
    yield CellSpec(
        name="mamba",
        target="seqhub_cells.mamba:MambaCell",
        config=MambaConfig,
        summary="Selective state-space system: step size, input and output read the input.",
        reference="arXiv:2312.00752",
        examples=({"hidden": 6, "states": 4}, {"hidden": 3, "states": 1, "expand": 1, "kernel": 1, "rank": 2}),
        flags=LINEAR,
    )


def _divides(name: str, part: int, of: str, whole: int) -> list[tuple[str, str, str]]:
    if whole % part == 0:
        return []
    return [(name, f"{name} is {part}, which does not divide {of} ({whole})", f"choose a divisor of {whole}")]


def _ordered(low_name: str, low: float, high_name: str, high: float) -> list[tuple[str, str, str]]:
    if low < high:
        return []
    return [(low_name, f"{low_name} is {low}, not less than {high_name} ({high})", f"set {low_name} below {high}")]
