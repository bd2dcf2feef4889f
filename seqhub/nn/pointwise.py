"""Layers that map each step alone: linear, norm, mlp, glu, dropout. They carry no state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from seqhub.geometry import identity
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, State

Activation = Literal["none", "relu", "gelu", "silu", "tanh", "sigmoid", "elu", "relu2", "clipped-relu"]
_CLIP = 20.0  # of the clipped ReLU of arXiv:1512.02595
NormKind = Literal["layer", "rms"]
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "relu2": lambda: _SquaredReLU(),
    "clipped-relu": lambda: nn.Hardtanh(0.0, _CLIP),
}


def make_activation(name: Activation) -> nn.Module:
    """The module of that name; ValueError for another name."""
    if name not in _ACTIVATIONS:
        raise ValueError(f"activation is {name!r}, expected one of {get_args(Activation)}")
    return _ACTIVATIONS[name]()


def norm(width: int, kind: NormKind) -> nn.Module:
    """Layer norm or RMS norm over the last axis, so that padding and other steps never enter its statistics."""
    if kind not in get_args(NormKind):
        raise ValueError(f"norm is {kind!r}, expected one of {get_args(NormKind)}")
    return nn.LayerNorm(width) if kind == "layer" else nn.RMSNorm(width, eps=1e-6)


class Pointwise(SequenceLayer):
    """A module applied to every step: [B T D] -> [B T D']."""

    def __init__(self, d_in: int, d_out: int, module: nn.Module) -> None:
        super().__init__(d_in, identity(d_out))
        self.module = module

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        return zero_padding(self.module(zero_padding(x, lengths)), lengths), lengths, {}


class Linear(Pointwise):
    """y = activation(W x + b)."""

    def __init__(self, d_in: int, *, width: int, bias: bool = True, activation: Activation = "none") -> None:
        super().__init__(d_in, width, nn.Sequential(nn.Linear(d_in, width, bias=bias), make_activation(activation)))


class Norm(Pointwise):
    """Layer norm (arXiv:1607.06450) or RMS norm (arXiv:1910.07467) of each step."""

    def __init__(self, d_in: int, *, kind: NormKind = "layer") -> None:
        super().__init__(d_in, d_in, norm(d_in, kind))


class MLP(Pointwise):
    """y = W2 activation(W1 x); `gated`: W2 (activation(W1 x) * V x), as in arXiv:2002.05202."""

    def __init__(
        self,
        d_in: int,
        *,
        ratio: float = 4.0,
        activation: Activation = "gelu",
        gated: bool = False,
        dropout: float = 0.0,
    ) -> None:
        inner = max(1, round(d_in * ratio))
        super().__init__(d_in, d_in, _FeedForward(d_in, inner, activation, gated, dropout))


class GLU(Pointwise):
    """y = (W x + b) * activation(V x + c): gated linear unit, arXiv:1612.08083 (sigmoid), arXiv:2002.05202."""

    def __init__(self, d_in: int, *, width: int, activation: Activation = "sigmoid", bias: bool = True) -> None:
        super().__init__(d_in, width, _Gated(d_in, width, activation, bias))


class Dropout(Pointwise):
    """Independent dropout of each number of each step."""

    def __init__(self, d_in: int, *, rate: float = 0.1) -> None:
        super().__init__(d_in, d_in, nn.Dropout(rate))


class _SquaredReLU(nn.Module):
    """max(x, 0)^2, arXiv:2109.08668."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x).square()


class _Gated(nn.Module):
    def __init__(self, d_in: int, width: int, name: Activation, bias: bool) -> None:
        super().__init__()
        self.both = nn.Linear(d_in, 2 * width, bias=bias)  # rows: [value | gate]
        self.act = make_activation(name)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.both(x).chunk(2, dim=-1)
        gated: Tensor = value * self.act(gate)
        return gated


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int, name: Activation, gated: bool, dropout: float) -> None:
        super().__init__()
        self.gated = gated
        self.up = nn.Linear(width, 2 * inner if gated else inner)
        self.act = make_activation(name)
        self.drop = nn.Dropout(dropout)
        self.down = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.up(x)
        if self.gated:
            value, gate = h.chunk(2, dim=-1)
            h = value * self.act(gate)
        else:
            h = self.act(h)
        down: Tensor = self.down(self.drop(h))
        return down
