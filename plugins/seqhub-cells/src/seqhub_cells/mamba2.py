"""Mamba-2: a state space model with one decay a head, which makes it a linear attention that forgets.

    S' = exp(-A dt) S + dt B x^T          dt = softplus(W_dt u + b), x, B, C = silu(conv(W u)), u the input
    y  = W_o norm(silu(W_z u) * (S'^T C + D x))

Dao and Gu 2024, arXiv:2405.21060, section 7 and listing 1. B and C, of N numbers each, are shared by all heads; x is
`expand` times as wide as the output. norm: root mean square over all heads. A starts uniform in [1, 16], softplus(b)
log-uniform in [0.001, 0.1], D at 1; projections start Xavier-uniform.
Shapes: B batch, T time, D input width, H heads, P value width of a head, N state width, E = H P.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.arguments import at_least, divides
from seqhub_cells.conv_projection import ConvProjection
from seqhub_cells.heads import HeadCell, draw_rates, draw_time_steps, output_projection, precise, split_heads


class Mamba2Cell(HeadCell):
    """State: S [B H N P]; the convolution's inputs under `inlet.`. Output: gated, normed, projected readings."""

    no_decay = ("A_log", "dt_bias", "D")

    def __init__(
        self, d_in: int, *, hidden: int, heads: int = 4, state: int = 64, expand: int = 2, conv: int = 4
    ) -> None:
        at_least(1, hidden=hidden, heads=heads, state=state, expand=expand)
        inner = expand * hidden
        divides("heads", heads, "expand * hidden", inner)
        inlet = ConvProjection(d_in, mixed=(inner, state, state), plain=(heads, inner), kernel=conv, bias=True)
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=state, value_dim=inner // heads, inlet=inlet)
        self.heads, self.sizes = heads, inlet.sizes
        self.A_log = nn.Parameter(draw_rates(heads))
        self.dt_bias = nn.Parameter(draw_time_steps(heads))
        self.D = nn.Parameter(torch.ones(heads))
        self.norm = nn.RMSNorm(inner, eps=1e-5)
        self.out_proj = output_projection(inner, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # -> C, B [B T 1 N], x [B T H P], dt [B T H], gate [B T E]
        value, b, c, dt, gate = torch.split(x, self.sizes, dim=-1)
        dt = F.softplus(precise(dt) + self.dt_bias)
        return c[..., None, :], b[..., None, :], split_heads(value, self.heads), dt, F.silu(gate)

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        c, b, value, dt, _ = p
        return Terms(c, b, dt[..., None] * value, (-self.A_log.exp() * dt)[..., None])

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        _, _, value, _, gate = p
        normed: Tensor = self.norm((y + self.D[:, None] * value).flatten(-2) * gate)
        return normed

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T E] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
