"""RWKV-7 (Goose): a memory that erases what one key recalls and writes another, each channel at its own strength.

    mix_j = x + (x_prev - x) * mu_j                                       for j = r, w, k, v, a, g
    r, k, v = W_j mix_j       g = sigmoid(mix_g G_1) G_2                  a = sigmoid(a_0 + mix_a A_1 A_2)
    w  = exp(-exp(-1/2) sigmoid(w_0 + tanh(mix_w D_1) D_2))
    e  = (xi * k) / |xi * k|  for each head                               k~ = k * (1 + (a - 1) * alpha)
    S' = (diag(w) - (a * e) e^T) S + k~ v^T
    y  = W_o (g * (norm(S'^T r) + (r . (rho * k~)) v))

Peng et al. 2025, arXiv:2503.14456, section 4, without the value residual, which reads another layer. norm: layer norm
of each head. First values are those of the authors' lowest layer (w_0 rising from -5.5 over the channels, xi near 0.71,
alpha 1.02, rho -0.04, mu falling over the channels), but for W_o, Xavier-uniform like the projections, and the low-rank
factors, uniform within 0.01. Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.arguments import at_least
from seqhub_cells.heads import HeadCell, HeadNorm, Joint, head_sizes, output_projection, precise, split_heads, unit
from seqhub_cells.token_shift import TokenShift

SMALL = 0.01
STRONGEST = math.exp(-0.5)  # w is at least exp(-0.607) = 0.545


class LowRank(nn.Module):
    """x D U, with D [D L], U [L O] uniform within 0.01."""

    def __init__(self, d_in: int, rank: int, d_out: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(d_in, rank).uniform_(-SMALL, SMALL))
        self.up = nn.Parameter(torch.empty(rank, d_out).uniform_(-SMALL, SMALL))


class RWKV7Cell(HeadCell):
    """State: S [B H K V]; the last input under `inlet.`. Output: gated, projected readings."""

    no_decay = ("mixes", "decay_bias", "rate_bias", "erase_gain", "write_gain", "bonus")

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
        powers = torch.tensor([0.2, 0.9, 0.7, 0.7, 0.9, 0.2])[:, None]  # r, w, k, v, a, g
        self.mixes = nn.Parameter(1 - (torch.arange(d_in) / d_in) ** powers)  # [6 D]
        self.r, self.k, self.v = Joint(d_in, heads * key), Joint(d_in, heads * key), Joint(d_in, heads * value)
        self.decay, self.rate = LowRank(d_in, rank, heads * key), LowRank(d_in, rank, heads * key)
        self.gate = LowRank(d_in, rank, heads * value)
        rising = torch.arange(heads * key) / max(heads * key - 1, 1)  # 0 to 1 over all channels
        across = torch.linspace(-1, 1, key) if key > 1 else torch.zeros(1)
        zigzag = (across * across.abs()).repeat(heads)  # -1 to 1 over each head's channels
        self.decay_bias = nn.Parameter(-5.5 + 6 * rising + 2.5 * zigzag)
        self.rate_bias = nn.Parameter(-0.19 + 0.4 * (rising - 0.5) + 0.3 * zigzag)
        self.erase_gain = nn.Parameter(0.71 - 0.1 * (rising - 0.5))
        self.write_gain = nn.Parameter(torch.full((heads * key,), 1.02))
        self.bonus = nn.Parameter(torch.full((heads, key), -0.04))
        self.norm = HeadNorm(heads, value, eps=64e-5, centred=True)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # [B T 2D] -> r, k~, v, log w, e, a, g: [B T H K|V]
        x, before = x.chunk(2, dim=-1)
        mixed = x[..., None, :] + (before - x)[..., None, :] * self.mixes  # [B T 6 D]
        x_r, x_w, x_k, x_v, x_a, x_g = mixed.unbind(-2)
        (r,), (k,), (v,) = self.r(x_r), self.k(x_k), self.v(x_v)
        decay = precise(self.decay_bias + torch.tanh(x_w @ self.decay.down) @ self.decay.up)
        rate = torch.sigmoid(precise(self.rate_bias + x_a @ self.rate.down @ self.rate.up))
        gate = torch.sigmoid(x_g @ self.gate.down) @ self.gate.up
        erased = k * self.erase_gain
        written = k * (1 + (rate - 1) * self.write_gain)
        parts = (r, written, v, -STRONGEST * torch.sigmoid(decay), erased, rate, gate)
        r, written, v, decay, erased, rate, gate = (split_heads(part, self.heads) for part in parts)
        return r, written, v, decay, unit(precise(erased)), rate, gate

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        r, k, v, decay, erased, rate, _ = p
        return Terms(r, k, v, decay, erase=(-rate * erased, erased))

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        r, k, v, _, _, _, gate = p
        now = (r * self.bonus * k).sum(dim=-1, keepdim=True) * v
        normed: Tensor = self.norm(y)
        return ((normed + now) * gate).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
