"""HGRN2: a gated linear recurrence widened to a matrix; what a key channel forgets is what it writes.

    S' = diag(f) S + (1 - f) i^T          f = L + (1 - L) sigmoid(W_f x), i = W_i x
    y  = W_o norm(S'^T silu(W_q x))

Qin et al. 2024, arXiv:2404.07904, section 3. L is the lower bound of the forget gate: the paper learns one that grows
with depth; here it is an option of each cell, 0 for the lowest. norm: root mean square over all heads. Projections
start Xavier-uniform. Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.heads import HeadCell, Joint, head_sizes, log_sigmoid, output_projection, precise, split_heads


class HGRN2Cell(HeadCell):
    """State: S [B H K V]. Output: normed, projected readings."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        heads: int = 4,
        key_dim: int | None = None,
        value_dim: int | None = None,
        lower_bound: float = 0.0,
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        if not 0 <= lower_bound < 1:
            raise ValueError(f"lower_bound is {lower_bound}, expected at least 0 and below 1")
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value)
        self.heads, self.lower_bound = heads, lower_bound
        self.in_proj = Joint(d_in, heads * key, heads * key, heads * value)  # rows: [q | f | i]
        self.norm = nn.RMSNorm(heads * value, eps=1e-5)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # [B T D] -> 2 x [B T H K], [B T H V], [B T H K]
        q, f, i = (split_heads(part, self.heads) for part in self.in_proj(x))
        f, bound = precise(f), self.lower_bound
        write = (1 - bound) * torch.sigmoid(-f)  # 1 - f without cancellation
        decay = log_sigmoid(f) if bound == 0 else torch.log1p(-write)
        return F.silu(q), write, i, decay

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, decay = p
        return Terms(q, k, v, decay)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        normed: Tensor = self.norm(y.flatten(-2))
        return normed

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
