"""Retention: linear attention that forgets, each head at its own fixed rate, with rotating keys.

    S' = gamma_h S + k_n v_n^T                gamma_h = 1 - 2^(-5 - h)
    q_n, k_n = rotate(W_q x, n theta), rotate(W_k x, n theta) / sqrt(K)
    y  = W_o (silu(W_g x) * norm(S'^T q_n))   norm: each head's own root mean square

Sun et al. 2023, arXiv:2307.08621, equations 5 to 8; pairs of keys turn by theta_j = 10000^(-j / (K/2 - 1)) a step, as
in its authors' code. The angle is reduced in float64, so that a long stream keeps its phase.
Projections start Xavier-uniform. Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.clock import Clock
from seqhub_cells.heads import HeadCell, HeadNorm, Joint, head_sizes, output_projection, split_heads


class RetNetCell(HeadCell):
    """State: S [B H K V]; n [B 1], the step's number, under `inlet.`. Output: gated, projected readings."""

    def __init__(
        self, d_in: int, *, hidden: int, heads: int = 4, key_dim: int | None = None, value_dim: int | None = None
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        if key % 2:
            raise ValueError(f"key_dim is {key}, expected an even number: keys turn in pairs")
        super().__init__(d_in, output_size=hidden, heads=heads, key_dim=key, value_dim=value, inlet=Clock(d_in))
        self.heads, self.key = heads, key
        self.in_proj = Joint(d_in, heads * key, heads * key, heads * value, heads * value)  # rows: [q | k | v | gate]
        self.norm = HeadNorm(heads, value)
        self.out_proj = output_projection(heads * value, hidden)

    def project(self, x: Tensor) -> tuple[Tensor, ...]:  # [B T D+1] -> 2 x [B T H K], 2 x [B T H V]
        q, k, v, gate = (split_heads(part, self.heads) for part in self.in_proj(x[..., :-1]))
        cos, sin = _turns(x[..., -1], self.key)
        return _rotate(q, cos, sin), _rotate(k, cos, sin) / math.sqrt(self.key), v, F.silu(gate)

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, _ = p
        head = torch.arange(self.heads, device=v.device, dtype=torch.float64)
        decay = torch.log1p(-torch.exp2(-5 - head)).to(v.dtype)[:, None]  # [H 1]
        return Terms(q, k, v, decay + torch.zeros_like(v[..., :1]))

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        normed: Tensor = self.norm(y)
        return (normed * p[3]).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out


def _turns(number: Tensor, key: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of each pair's angle: [...] -> 2 x [... 1 K/2], the 1 for the heads."""
    pair = torch.arange(key // 2, device=number.device, dtype=torch.float64)
    theta = 10000.0 ** (-pair / max(key // 2 - 1, 1))
    angle = number.double()[..., None, None] * theta
    turns = torch.floor(angle / (2 * math.pi))
    angle = (angle - 2 * math.pi * turns).to(number.dtype)
    return angle.cos(), angle.sin()


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (x_j, x_(j + K/2)): [... H K] -> [... H K]."""
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)
