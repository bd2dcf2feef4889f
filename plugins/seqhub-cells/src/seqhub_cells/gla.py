"""Gated linear attention: every key channel forgets at a rate that the input chooses.

    S' = diag(alpha) S + k v^T          alpha = sigmoid(W_2 W_1 x + b)^(1/16), W_1 of low rank
    y  = W_o (silu(W_g x + b_g) * norm(S'^T q / sqrt(K)))

Yang et al. 2024, arXiv:2312.06635, section 4.4. The norm of each head is a root mean square, as in its authors' code,
where the paper has layer norm. Projections start Xavier-uniform, biases at 0: alpha = 0.958, half gone in 16 steps.
Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.arguments import at_least
from seqhub_cells.heads import (
    HeadCell,
    HeadNorm,
    Joint,
    head_sizes,
    log_sigmoid,
    output_projection,
    precise,
    split_heads,
)

TEMPERATURE = 16


class GLACell(HeadCell):
    """State: S [B H K V]. Output: gated, projected readings."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        heads: int = 4,
        key_dim: int | None = None,
        value_dim: int | None = None,
        rank: int = 16,
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        at_least(1, rank=rank)
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value)
        self.heads, self.key = heads, key
        self.in_proj = Joint(d_in, heads * key, heads * key, heads * value, rank)  # rows: [q | k | v | W_1]
        self.decay = Joint(rank, heads * key, bias=True)
        self.gate = Joint(d_in, heads * value, bias=True)
        self.norm = HeadNorm(heads, value)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # [B T D] -> 3 x [B T H K] and v, gate [B T H V]
        q, k, v, low = self.in_proj(x)
        decay = log_sigmoid(precise(*self.decay(low))) / TEMPERATURE
        parts = (q / math.sqrt(self.key), k, v, decay, F.silu(*self.gate(x)))
        return tuple(split_heads(part, self.heads) for part in parts)

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, decay, _ = p
        return Terms(q, k, v, decay)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        normed: Tensor = self.norm(y)
        return (normed * p[4]).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
