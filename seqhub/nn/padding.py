"""Padding: which steps of a ragged batch are real, and how to move along the rows without touching the others."""

from __future__ import annotations

import torch
from torch import Tensor


def valid_steps(lengths: Tensor, steps: int) -> Tensor:
    """[B], T -> [B T] bool, true before each row's length."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def like_steps(mask: Tensor, x: Tensor) -> Tensor:
    """A mask [B] or [B T] with trailing axes of size 1, so that it broadcasts against x [B ...] or [B T ...]."""
    return mask[(...,) + (None,) * (x.dim() - mask.dim())]


def _may_look(x: Tensor) -> bool:
    """Reading its values costs next to nothing and leaves no mark: not in a traced graph, not on a device."""
    return type(x) is Tensor and not torch.compiler.is_compiling() and x.device.type == "cpu"


def is_zero(x: Tensor) -> bool:
    """It is known to hold zeros only, and no gradient is asked of it. As with `shared_count`, a layer may skip work for
    it, never change its outputs.
    """
    return _may_look(x) and not x.requires_grad and not x.any()


def shared_count(counts: Tensor) -> int | None:
    """The number that all rows share; None where they differ, and where looking is not free: in a traced graph and on a
    device. A layer may skip work for it, never change its outputs: [B] int64.
    """
    if not _may_look(counts) or not len(counts):
        return None
    values = counts.tolist()  # for some dozens of rows sooner than any kernel
    return int(values[0]) if values.count(values[0]) == len(values) else None


def zero_padding(x: Tensor, lengths: Tensor) -> Tensor:
    """Zero every step at or after its row's length: [B T ...]. A `where`, so that NaN in padding reaches no
    gradient; x itself where no row has padding.
    """
    if shared_count(lengths) == x.shape[1]:
        return x
    valid = like_steps(valid_steps(lengths, x.shape[1]), x)
    return torch.where(valid, x, torch.zeros((), dtype=x.dtype, device=x.device))


def gather_steps(x: Tensor, start: Tensor, steps: int) -> Tensor:
    """Each row's own window: [B T ...], start [B] -> [B steps ...]; indices past the end read the last step."""
    index = start[:, None] + torch.arange(steps, device=x.device)  # [B steps]
    index = index.clamp(max=x.shape[1] - 1)
    return x.gather(1, like_steps(index, x).expand(-1, -1, *x.shape[2:]))


def last_step(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row's last valid step: [B T ...], T >= 1, [B] -> [B ...]; zeros for a row of length 0."""
    last = gather_steps(x, (lengths - 1).clamp(min=0), 1)[:, 0]
    return torch.where(like_steps(lengths > 0, last), last, torch.zeros((), dtype=x.dtype, device=x.device))


def reverse_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each row's valid steps in place and leave its padding where it is: [B T ...]."""
    t = torch.arange(x.shape[1], device=x.device)
    index = torch.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)  # [B T]
    return x.gather(1, like_steps(index, x).expand_as(x))
