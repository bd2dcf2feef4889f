"""What both attentions share: splitting heads, rotary positions, masked attention. Shapes: B batch, T queries, S
keys, H heads, E head width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021, arXiv:2104.09864), halves paired: x [B T H E], positions [T] -> [B T
    H E].
    """
    half = x.shape[-1] // 2
    precise = torch.promote_types(x.dtype, torch.float32)  # not in half precision, whatever x is
    exponents = torch.arange(half, device=x.device, dtype=precise) / half
    angles = positions[:, None].to(precise) * 10000.0**-exponents  # [T E/2]
    cos, sin = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)  # [T 1 E/2]
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
    """q [B T H E], k and v [B S H E], seen [B T S] bool -> [B T H*E]. A query that sees nothing must not be asked
    for.
    """
    out = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=seen[:, None]
    )
    return out.transpose(1, 2).flatten(2)


def check_heads(width: int, heads: int) -> None:
    """Raise ValueError unless `heads` divides `width`."""
    if heads < 1 or width % heads:
        raise ValueError(f"heads {heads} does not divide the width {width}")
