"""DeltaNet: a memory that corrects itself, writing only what a key does not yet recall.

    S' = S + beta k (v - S^T k)^T         beta = sigmoid(W_b x), or twice that
    y  = W_o norm(S'^T q)
    q, k = unit(silu(conv(W x)))          v = silu(conv(W_v x))

Yang et al. 2024, arXiv:2406.06484, section 3; the rule is Schlag et al. 2021, arXiv:2102.11174. With
`negative_eigenvalues` beta reaches 2, which lets a state flip sign and so track parity (arXiv:2411.12537).
norm: root mean square of each head. Projections start Xavier-uniform, so beta starts around a half of its range.
Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.conv_projection import ConvProjection
from seqhub_cells.heads import HeadCell, HeadNorm, head_sizes, output_projection, precise, split_heads, unit


class DeltaNetCell(HeadCell):
    """State: S [B H K V]; the convolution's inputs under `inlet.`. Output: normed, projected readings."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        heads: int = 4,
        key_dim: int | None = None,
        value_dim: int | None = None,
        conv: int = 4,
        negative_eigenvalues: bool = False,
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        mixed = (heads * key, heads * key, heads * value)  # q, k, v
        inlet = ConvProjection(d_in, mixed=mixed, plain=(heads,), kernel=conv)
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value, inlet=inlet)
        self.heads, self.sizes = heads, inlet.sizes
        self.strongest = 2 if negative_eigenvalues else 1
        self.norm = HeadNorm(heads, value)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # -> 2 x [B T H K], [B T H V], [B T H]
        q, k, v, beta = torch.split(x, self.sizes, dim=-1)
        q, k, v = (split_heads(part, self.heads) for part in (q, k, v))
        return unit(precise(q)), unit(precise(k)), v, self.strongest * torch.sigmoid(precise(beta))

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, beta = p
        return Terms(q, k, v, torch.zeros_like(v[..., :1]), beta=beta)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        normed: Tensor = self.norm(y)
        return normed.flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
