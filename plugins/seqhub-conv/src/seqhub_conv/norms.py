"""Norms between a convolution and its activation, told which steps are real.

Batch norm (arXiv:1502.03167) takes mean and variance of each channel over the valid steps of all rows: padding never
enters them, so a batch padded further has the same statistics. In evaluation it uses its running ones, and each step
stands alone. A training step needs the whole batch, so its chunks of a stream are not those of the whole sequence.
Shapes: B batch, T time, D width.
"""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor, nn

from seqhub.nn import valid_steps
from seqhub_conv.options import NormName


class StepNorm(nn.Module):
    """forward(x [B T D], lengths [B]) -> [B T D]; what it gives on padding is for the caller to zero."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define forward")


class MaskedBatchNorm(StepNorm):
    """Batch norm over valid steps. Buffers: running mean [D] and variance [D], the latter unbiased, as in torch."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if not self.training:
            gain = self.weight * torch.rsqrt(self.running_var + self.eps)
            return x * gain + (self.bias - self.running_mean * gain)
        valid = valid_steps(lengths, x.shape[1])[:, :, None]
        count = lengths.sum().clamp(min=1)
        mean = torch.where(valid, x, 0).sum(dim=(0, 1)) / count
        centred = torch.where(valid, x - mean, 0)
        var = centred.square().sum(dim=(0, 1)) / count
        self._remember(mean.detach(), var.detach(), lengths.sum())
        return centred * (self.weight * torch.rsqrt(var + self.eps)) + self.bias

    @torch.no_grad()
    def _remember(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        """Move the running statistics towards this batch's; a batch without a step leaves them."""
        share = torch.where(count > 0, self.momentum, 0.0).to(mean.dtype)
        unbiased = var * (count / (count - 1).clamp(min=1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share.to(self.running_mean.dtype))
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), share.to(self.running_var.dtype))


class LayerNorm(StepNorm):
    """Layer norm (arXiv:1607.06450) of each step alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        y: Tensor = self.norm(x)
        return y


def make_norm(name: NormName, width: int) -> StepNorm | None:
    """The norm of that name, None for `none`; ValueError for another name."""
    if name not in get_args(NormName):
        raise ValueError(f"norm is {name!r}, expected one of {get_args(NormName)}")
    if name == "none":
        return None
    return LayerNorm(width) if name == "layer" else MaskedBatchNorm(width)
