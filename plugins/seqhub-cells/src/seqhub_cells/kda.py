"""Kimi delta attention (KDA): Gated DeltaNet with a forgetting rate for every key channel.

    S' = (1 - beta k k^T) diag(alpha) S + beta k v^T
    alpha = exp(-A softplus(W_2 W_1 x + b))      one A a head, W_1 of low rank      beta = sigmoid(W_b x)
    y = W_o (sigmoid(U_2 U_1 x + c) * norm(S'^T q))
    q, k = unit(silu(conv(W x)))                 v = silu(conv(W_v x))

Kimi Team 2025, arXiv:2510.26692, section 3. norm: root mean square of each head. A starts uniform in [1, 16], and
softplus(b) log-uniform in [0.001, 0.1], as in Mamba-2; projections start Xavier-uniform, c at 0.
Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.arguments import at_least
from seqhub_cells.conv_projection import ConvProjection
from seqhub_cells.heads import (
    HeadCell,
    HeadNorm,
    Joint,
    draw_rates,
    draw_time_steps,
    head_sizes,
    output_projection,
    precise,
    split_heads,
    unit,
)


class KDACell(HeadCell):
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
        rank: int | None = None,
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        low = value if rank is None else rank
        at_least(1, rank=low)
        mixed = (heads * key, heads * key, heads * value)  # q, k, v
        inlet = ConvProjection(d_in, mixed=mixed, plain=(heads, low, low), kernel=conv)  # plain: beta, W_1, U_1
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value, inlet=inlet)
        self.heads, self.sizes = heads, inlet.sizes
        self.decay = Joint(low, heads * key)
        self.gate = Joint(low, heads * value, bias=True)
        self.A_log = nn.Parameter(draw_rates(heads))
        self.dt_bias = nn.Parameter(draw_time_steps(heads * key))
        self.norm = HeadNorm(heads, value)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # -> 2 x [B T H K], [.. V], [.. K], [B T H], [.. V]
        q, k, v, beta, low_decay, low_gate = torch.split(x, self.sizes, dim=-1)
        dt = F.softplus(precise(*self.decay(low_decay)) + self.dt_bias)
        parts = (q, k, v, dt, *self.gate(low_gate))
        q, k, v, dt, gate = (split_heads(part, self.heads) for part in parts)
        decay = -self.A_log.exp()[:, None] * dt
        return unit(precise(q)), unit(precise(k)), v, decay, torch.sigmoid(precise(beta)), torch.sigmoid(gate)

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, decay, beta, _ = p
        return Terms(q, k, v, decay, beta=beta)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        normed: Tensor = self.norm(y)
        return (normed * p[5]).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
