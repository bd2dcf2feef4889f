"""What attentions share: queries, keys and values of several heads, and their masked product.

    y = W_o concat_h softmax( q_h . k_g / sqrt(E) + bias ) v_g        heads share keys and values in groups

Vaswani et al. 2017, arXiv:1706.03762; groups: Ainslie et al. 2023, arXiv:2305.13245 (one group: arXiv:1911.02150).
Shapes: B batch, T queries, K keys, D width, H heads, G groups (`kv_heads`), E = D / H.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Geometry, SequenceLayer, Slot
from seqhub_attention.positions import Name, make_positions


class SelfAttention(SequenceLayer):
    """The parts of self-attention; a subclass says which keys a query sees."""

    def __init__(
        self,
        geometry: Geometry,
        slots: Mapping[str, Slot],
        *,
        heads: int,
        kv_heads: int,
        positions: Name,
        max_length: int,
        dropout: float,
    ) -> None:
        width = geometry.width
        kv_heads = check_heads(width, heads, kv_heads)
        super().__init__(width, geometry, slots)
        self.heads, self.kv_heads = heads, kv_heads
        self.positions = make_positions(positions, width, heads, max_length=max_length, ahead=geometry.future > 0)
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, kv_width(width, heads, kv_heads), bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def attended(self, q: Tensor, kv: Tensor, seen: Tensor, first: Tensor, span: Tensor) -> Tensor:
        """q [B T D], kv [B K 2*G*E], seen [B T K] bool, every query seeing a key -> y [B T D].

        first: the key, as a number, that stands at the first query's place.  span [W]: offsets that can be seen.
        """
        q = torch.unflatten(q, -1, (self.heads, -1))  # [B T H E]
        k, v = torch.unflatten(kv, -1, (2, self.kv_heads, -1)).unbind(2)  # 2 x [B K G E]
        k_at = torch.arange(kv.shape[1], device=kv.device)
        q_at = first + torch.arange(q.shape[1], device=q.device)
        bias = self.positions.bias(q, k_at - q_at[:, None], span)
        q, k = self.positions.turn(q, k, q_at, k_at)
        y: Tensor = self.dropout(self.out(attend(q, k, v, seen, bias)))
        return y


def attend(q: Tensor, k: Tensor, v: Tensor, seen: Tensor, bias: Tensor | None = None) -> Tensor:
    """q [B T H E], k and v [B K G E], seen [B T K] bool, bias [.. H T K] -> [B T H*E]. A query that sees nothing must
    not be asked for.
    """
    mask = seen[:, None]  # [B 1 T K]
    if bias is not None:
        bias = bias.to(q.dtype)
        mask = torch.where(mask, bias, torch.full((), float("-inf"), dtype=q.dtype, device=q.device))
    grouped = q.shape[2] != k.shape[2]
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=grouped)
    return out.transpose(1, 2).flatten(2)


def check_heads(width: int, heads: int, kv_heads: int) -> int:
    """How many groups of heads there are (kv_heads, or the heads for 0). ValueError where numbers do not divide."""
    if heads < 1 or width % heads:
        raise ValueError(f"heads {heads} does not divide the width {width}")
    groups = kv_heads or heads
    if groups < 0 or heads % groups:
        raise ValueError(f"kv_heads {groups} does not divide the heads {heads}")
    return groups


def kv_width(width: int, heads: int, kv_heads: int) -> int:
    """Numbers of keys and values a step."""
    return 2 * (kv_heads or heads) * (width // heads)
