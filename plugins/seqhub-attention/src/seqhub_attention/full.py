"""Multi-head self-attention over the whole sequence.

    y_t = W_o concat_h softmax( q_t . k_s / sqrt(E) ) v_s        s over all steps, or s <= t when causal

Vaswani et al. 2017, arXiv:1706.03762; positions rotary (arXiv:2104.09864). It needs every step of the past, so it
does not stream: `local-attention` with a window does.
Shapes: B batch, T time, D width, H heads, E = D / H.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, valid_steps, zero_padding
from seqhub_attention.geometry import full_geometry
from seqhub_attention.heads import attend, check_heads, rotate


class FullAttention(SequenceLayer):
    """State: none."""

    def __init__(self, d_in: int, *, heads: int, causal: bool = False, rope: bool = True, dropout: float = 0.0) -> None:
        check_heads(d_in, heads)
        super().__init__(d_in, full_geometry(d_in, causal=causal))
        self.heads, self.causal, self.rope = heads, causal, rope
        self.qkv = nn.Linear(d_in, 3 * d_in, bias=False)
        self.out = nn.Linear(d_in, d_in, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        at = torch.arange(x.shape[1], device=x.device)
        real = valid_steps(lengths, x.shape[1])  # [B T]
        mask = real[:, None, :] | ~real[:, :, None]  # padded queries see all, and are zeroed below: no NaN
        if self.causal:
            mask = mask & (at <= at[:, None])
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)  # 3 x [B T H E]
        if self.rope:
            q, k = rotate(q, at), rotate(k, at)
        y = self.dropout(self.out(attend(q, k, v, mask)))
        return zero_padding(y, lengths), lengths, {}
