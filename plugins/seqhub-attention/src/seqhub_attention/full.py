"""Multi-head self-attention over the whole sequence: of all steps, or of those up to its own when causal.

Vaswani et al. 2017, arXiv:1706.03762. It needs every step of the past, so it does not stream: `local-attention` with a
window does. Shapes: B batch, T time, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, State, valid_steps, zero_padding
from seqhub_attention.geometry import full_geometry
from seqhub_attention.heads import SelfAttention
from seqhub_attention.positions import Name


class FullAttention(SelfAttention):
    """State: none."""

    def __init__(
        self,
        d_in: int,
        *,
        heads: int,
        kv_heads: int = 0,
        causal: bool = False,
        positions: Name = "rope",
        max_length: int = 512,
        dropout: float = 0.0,
    ) -> None:
        geometry = full_geometry(d_in, causal=causal)
        super().__init__(
            geometry,
            {},
            heads=heads,
            kv_heads=kv_heads,
            positions=positions,
            max_length=max_length,
            dropout=dropout,
        )
        self.causal = causal

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        at = torch.arange(x.shape[1], device=x.device)
        x = self.positions.place(x, at[None])
        real = valid_steps(lengths, x.shape[1])  # [B T]
        seen = real[:, None, :] | ~real[:, :, None]  # padded queries see all, and are zeroed below: no NaN
        if self.causal:
            seen = seen & (at <= at[:, None])
        span = torch.arange(1 - x.shape[1], x.shape[1], device=x.device)
        y = self.attended(self.q(x), self.kv(x), seen, at[:1], span)
        return zero_padding(y, lengths), lengths, {}
