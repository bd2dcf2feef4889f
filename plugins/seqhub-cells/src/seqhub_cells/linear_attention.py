"""Linear attention: softmax replaced by a product of positive features, so that the past fits in one matrix.

    S' = S + phi(k) v^T        z' = z + phi(k)        phi(x) = elu(x) + 1
    y  = S'^T phi(q) / (z' . phi(q) + 1e-6)

Katharopoulos et al. 2020, arXiv:2006.16236, equations 16 to 20. It forgets nothing: S grows with the sequence. Here z
is one more column of S. Projections start Xavier-uniform.
Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.heads import HeadCell, Joint, head_sizes, output_projection, split_heads

EPS = 1e-6


class LinearAttentionCell(HeadCell):
    """State: S [B H K V+1], its last column z. Output: the heads' readings, projected."""

    def __init__(
        self, d_in: int, *, hidden: int, heads: int = 4, key_dim: int | None = None, value_dim: int | None = None
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value + 1)
        self.heads = heads
        self.in_proj = Joint(d_in, heads * key, heads * key, heads * value)  # rows: [q | k | v]
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # [B T D] -> 2 x [B T H K], [B T H V+1]
        q, k, v = (split_heads(part, self.heads) for part in self.in_proj(x))
        counted = torch.cat((v, torch.ones_like(v[..., :1])), dim=-1)
        return F.elu(q) + 1, F.elu(k) + 1, counted

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v = p
        return Terms(q, k, v, torch.zeros_like(v[..., :1]))

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        return (y[..., :-1] / (y[..., -1:] + EPS)).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
