"""Gated DeltaNet: the delta rule on a memory that also forgets, each head at a rate that the input chooses.

    S' = alpha S + beta k (v - alpha S^T k)^T
    alpha = exp(-A softplus(W_a x + b))       beta = sigmoid(W_b x), or twice that
    y = W_o (silu(W_g x) * norm(S'^T q))
    q, k = unit(silu(conv(W x)))              v = silu(conv(W_v x))

Yang et al. 2025, arXiv:2412.06464, section 3. norm: root mean square of each head. A starts uniform in [1, 16], and
softplus(b) log-uniform in [0.001, 0.1], as in Mamba-2; projections start Xavier-uniform. `negative_eigenvalues`: beta
up to 2 (arXiv:2411.12537).
Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.conv_projection import ConvProjection
from seqhub_cells.heads import (
    HeadCell,
    HeadNorm,
    draw_rates,
    draw_time_steps,
    head_sizes,
    output_projection,
    precise,
    split_heads,
    unit,
)


class GatedDeltaNetCell(HeadCell):
    """State: S [B H K V]; the convolution's inputs under `inlet.`. Output: gated, projected readings."""

    no_decay = ("A_log", "dt_bias")

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
        inlet = ConvProjection(d_in, mixed=mixed, plain=(heads, heads, heads * value), kernel=conv)
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value, inlet=inlet)
        self.heads, self.sizes = heads, inlet.sizes
        self.strongest = 2 if negative_eigenvalues else 1
        self.A_log = nn.Parameter(draw_rates(heads))
        self.dt_bias = nn.Parameter(draw_time_steps(heads))
        self.norm = HeadNorm(heads, value)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # -> 2 x [B T H K], [B T H V], 2 x [B T H], [B T H V]
        q, k, v, beta, dt, gate = torch.split(x, self.sizes, dim=-1)
        q, k, v, gate = (split_heads(part, self.heads) for part in (q, k, v, gate))
        decay = -self.A_log.exp() * F.softplus(precise(dt) + self.dt_bias)
        beta = self.strongest * torch.sigmoid(precise(beta))
        return unit(precise(q)), unit(precise(k)), v, decay, beta, F.silu(gate)

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, decay, beta, _ = p
        return Terms(q, k, v, decay[..., None], beta=beta)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        normed: Tensor = self.norm(y)
        return (normed * p[5]).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
