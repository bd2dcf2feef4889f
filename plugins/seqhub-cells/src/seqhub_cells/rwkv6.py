"""RWKV-6 (Finch): a memory that forgets by channel, with a bonus for the present and mixing with the previous step.

    mix_j = x + (x_prev - x) * (lambda_j + tanh((x + (x_prev - x) * mu) A_j) B_j)        for j = r, k, v, g, w
    r, k, v, g = W_j mix_j            w = exp(-exp(b + tanh(mix_w D_1) D_2))
    y  = W_o (silu(g) * norm((S + diag(u) k v^T)^T r))
    S' = diag(w) S + k v^T

Peng et al. 2024, arXiv:2404.05892, section 4. Read before written: u weighs the present step. norm: layer norm of each
head. First values are those of the authors' lowest layer: b spread from -6 to -1 over the channels, lambda and mu
falling over them from 1 to 0, u in {-0.1, 0, 0.1} by turns; low-rank factors start uniform within 0.01, projections
Xavier-uniform. Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head, L low rank.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.arguments import at_least
from seqhub_cells.heads import HeadCell, HeadNorm, Joint, head_sizes, output_projection, precise, split_heads
from seqhub_cells.token_shift import TokenShift

MIXES = 5  # r, k, v, g, w
SMALL = 0.01


class RWKV6Cell(HeadCell):
    """State: S [B H K V]; the last input under `inlet.`. Output: gated, projected readings."""

    no_decay = ("mu", "mixes", "bonus", "decay_bias")

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        heads: int = 4,
        key_dim: int | None = None,
        value_dim: int | None = None,
        rank: int = 32,
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        at_least(1, rank=rank)
        inlet = TokenShift(d_in)
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value, inlet=inlet)
        self.heads = heads
        falling = torch.arange(d_in) / d_in
        self.mu = nn.Parameter(1 - falling)
        powers = torch.tensor([0.5, 1.0, 1.0, 0.5, 1.0])[:, None]  # r, k, v, g, w
        self.mixes = nn.Parameter(1 - falling**powers)  # [5 D]
        self.mix_down = nn.Parameter(torch.empty(d_in, MIXES * rank).uniform_(-SMALL, SMALL))
        self.mix_up = nn.Parameter(torch.empty(MIXES, rank, d_in).uniform_(-SMALL, SMALL))
        self.r, self.k = Joint(d_in, heads * key), Joint(d_in, heads * key)
        self.v, self.g = Joint(d_in, heads * value), Joint(d_in, heads * value)
        self.decay_down = nn.Parameter(torch.empty(d_in, rank).uniform_(-SMALL, SMALL))
        self.decay_up = nn.Parameter(torch.empty(rank, heads * key).uniform_(-SMALL, SMALL))
        channel = torch.arange(heads * key)
        self.decay_bias = nn.Parameter(-6 + 5 * (channel / max(heads * key - 1, 1)) ** 0.7)
        self.bonus = nn.Parameter(0.1 * ((channel + 1) % 3 - 1.0).view(heads, key))
        self.norm = HeadNorm(heads, value, eps=64e-5, centred=True)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # [B T 2D] -> r, k, v, g, log decay: [B T H K|V]
        x, before = x.chunk(2, dim=-1)
        change = before - x
        low = torch.tanh((x + change * self.mu) @ self.mix_down)  # [B T 5L]
        shares = (torch.unflatten(low, -1, (MIXES, 1, -1)) @ self.mix_up).squeeze(-2)  # [B T 5 D]
        mixed = x[..., None, :] + change[..., None, :] * (self.mixes + shares)
        r, k, v, g, w = mixed.unbind(-2)
        decay = -torch.exp(precise(self.decay_bias + torch.tanh(w @ self.decay_down) @ self.decay_up))
        parts = (*self.r(r), *self.k(k), *self.v(v), F.silu(*self.g(g)), decay)
        return tuple(split_heads(part, self.heads) for part in parts)

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        r, k, v, _, decay = p
        return Terms(r, k, v, decay, read_before=True)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        r, k, v, g, _ = p
        now = (r * self.bonus * k).sum(dim=-1, keepdim=True) * v  # (diag(u) k v^T)^T r
        normed: Tensor = self.norm(y + now)
        return (normed * g).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
