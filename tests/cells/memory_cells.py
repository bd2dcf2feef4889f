"""Helpers for the oracles of memory cells: float64, every parameter shaken, one row longer than two chunks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqhub.nn import Recurrent, State
from seqhub.nn.memory import MemoryCell

D, T = 5, 37


def shaken(cell: MemoryCell, seed: int = 0) -> MemoryCell:
    """The cell in float64, without gradients, with noise on every parameter so that none stands at 0 or 1."""
    make = torch.Generator().manual_seed(seed)
    cell.double()
    for parameter in cell.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=make, dtype=torch.float64), alpha=0.3)
        parameter.requires_grad_(False)
    return cell


def run(cell: MemoryCell, seed: int = 1) -> tuple[Tensor, Tensor, State]:
    """x [T D], outputs [T O] and final state of one row through the whole layer."""
    x = torch.randn(1, T, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    layer = Recurrent(cell)
    y, _, state = layer(x, torch.tensor([T]), layer.initial_state(1))
    return x[0], y[0], {name: value[0] for name, value in state.items()}


def same(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, atol=1e-9, rtol=1e-9)


def rows(joint: nn.Module) -> list[Tensor]:
    """The matrices of a joint projection."""
    return list(joint.linear.weight.split(joint.sizes))


def sigmoid(a: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-a))


def silu(a: Tensor) -> Tensor:
    return a / (1 + torch.exp(-a))


def softplus(a: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(a))


def rms(a: Tensor, gain: Tensor, eps: float = 1e-5) -> Tensor:
    return a / (a.pow(2).mean() + eps).sqrt() * gain


def layer_norm(a: Tensor, gain: Tensor, bias: Tensor, eps: float) -> Tensor:
    return (a - a.mean()) / (a.var(unbiased=False) + eps).sqrt() * gain + bias


def unit(a: Tensor) -> Tensor:
    return a / (a.pow(2).sum() + 1e-6).sqrt()


def short_conv(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """silu of a causal depthwise convolution, one number at a time: [T C] -> [T C]."""
    y = torch.zeros_like(x)
    kernel = conv.weight.shape[-1]
    for t in range(len(x)):
        for channel in range(x.shape[1]):
            total = 0.0 if conv.bias is None else conv.bias[channel]
            for back in range(min(kernel, t + 1)):
                total = total + conv.weight[channel, 0, kernel - 1 - back] * x[t - back, channel]
            y[t, channel] = silu(total)
    return y


def heads_of(a: Tensor, heads: int) -> list[Tensor]:
    return list(a.reshape(heads, -1))


def rotation(angle: float) -> complex:
    return complex(math.cos(angle), math.sin(angle))
