"""What the memory cells share: sizes of heads, joint projections, norms of what a head reads, time constants.

Shapes: H heads, K key width, V value width of a head; `...` is [B] or [B T].
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn.memory import MemoryCell
from seqhub.nn.roles import Role
from seqhub_cells.arguments import at_least


def head_sizes(hidden: int, heads: int, key_dim: int | None, value_dim: int | None) -> tuple[int, int]:
    """(K, V), each hidden / heads unless given; ValueError where that leaves a rest."""
    at_least(1, hidden=hidden, heads=heads)
    if hidden % heads and (key_dim is None or value_dim is None):
        raise ValueError(f"heads is {heads}, which does not divide hidden ({hidden}); or give key_dim and value_dim")
    key, value = (hidden // heads if size is None else size for size in (key_dim, value_dim))
    at_least(1, key_dim=key, value_dim=value)
    return key, value


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[... H*X] -> [... H X]."""
    return torch.unflatten(x, -1, (heads, -1))


def unit(x: Tensor) -> Tensor:
    """x / sqrt(|x|^2 + 1e-6) over the last axis, so that a zero stays zero and has a gradient."""
    return x * torch.rsqrt(x.square().sum(dim=-1, keepdim=True) + 1e-6)


def precise(x: Tensor) -> Tensor:
    """In float32 at least: decays raised to a thousand steps do not survive bfloat16's three digits."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def log_sigmoid(x: Tensor) -> Tensor:
    """log sigmoid(x), finite for every x; the exporter writes torch's own as a logarithm of zero."""
    return -F.softplus(-x)


class Joint(nn.Module):
    """Several projections of one input as one matrix product; each part starts Xavier-uniform by itself."""

    def __init__(self, d_in: int, *sizes: int, bias: bool = False) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.linear = nn.Linear(d_in, sum(sizes), bias=bias)
        for rows in torch.split(self.linear.weight.data, self.sizes):
            nn.init.xavier_uniform_(rows)
        if bias:
            nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """[... D] -> [... size] for each size."""
        y: Tensor = self.linear(x)
        return torch.split(y, self.sizes, dim=-1)


def output_projection(d_in: int, hidden: int) -> nn.Linear:
    """What mixes the heads at the end: no bias, Xavier-uniform."""
    out = nn.Linear(d_in, hidden, bias=False)
    nn.init.xavier_uniform_(out.weight)
    return out


class HeadCell(MemoryCell):
    """A memory cell that reads its input through `Joint`s, there and in its inlet."""

    def roles(self) -> tuple[Role, ...]:
        found: list[Role] = []
        for name, part in self.named_modules():
            if isinstance(part, Joint):
                ends = list(itertools.accumulate(part.sizes))
                rows = zip([0, *ends], ends, strict=False)
                found += [Role("input", f"{name}.linear.weight", rows=span) for span in rows]
        return tuple(found)


class HeadNorm(nn.Module):
    """RMS norm of each head alone, or layer norm with `centred`; one gain (and bias) per channel."""

    def __init__(self, heads: int, value_dim: int, *, eps: float = 1e-5, centred: bool = False) -> None:
        super().__init__()
        self.eps, self.centred = eps, centred
        self.no_decay = ("weight", "bias") if centred else ("weight",)  # gains, though they have two axes
        self.weight = nn.Parameter(torch.ones(heads, value_dim))
        self.bias = nn.Parameter(torch.zeros(heads, value_dim)) if centred else None

    def forward(self, y: Tensor) -> Tensor:  # [... H V] -> [... H V]
        if self.centred:
            y = y - y.mean(dim=-1, keepdim=True)
        y = y * torch.rsqrt(y.square().mean(dim=-1, keepdim=True) + self.eps) * self.weight
        return y if self.bias is None else y + self.bias


def draw_rates(size: int) -> Tensor:
    """log A, with A uniform in [1, 16]: decays of Mamba-2 and its descendants (arXiv:2405.21060)."""
    return torch.empty(size).uniform_(1, 16).log()


def draw_time_steps(size: int, low: float = 1e-3, high: float = 0.1) -> Tensor:
    """Biases whose softplus is log-uniform in [low, high] (arXiv:2312.00752, section 3.6)."""
    dt = torch.exp(torch.empty(size).uniform_(math.log(low), math.log(high)))
    return dt + torch.log(-torch.expm1(-dt))  # the inverse of softplus
