"""Causal self-attention over a sliding window, with a cache: each step sees itself and the window - 1 steps before it.

    y_t = W_o concat_h softmax( q_t . k_s / sqrt(E) ) v_s        t - window < s <= t

Multi-head attention of Vaswani et al. 2017, arXiv:1706.03762; the window of Beltagy et al. 2020, arXiv:2004.05150,
one-sided.
Positions: rotary (arXiv:2104.09864), relative to the cache, so that a stream of any length keeps its precision.
Shapes: B batch, T time, D width, H heads, E = D / H, P = window - 1 cached steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import (
    WHOLE,
    Context,
    Geometry,
    Memory,
    SequenceLayer,
    Slot,
    State,
    gather_steps,
    valid_steps,
    zero_padding,
)
from seqhub_attention.heads import attend, check_heads, rotate


class LocalAttention(SequenceLayer):
    """State: kv [B P 2D], keys (before rotation) and values; seen [B 1], how many of them are real, row by row."""

    def __init__(self, d_in: int, *, heads: int, window: int, rope: bool = True, dropout: float = 0.0) -> None:
        check_heads(d_in, heads)
        past = window - 1
        slots = {"kv": Slot((past, 2 * d_in)), "seen": Slot((1,), dtype="int64")} if past else {}
        super().__init__(d_in, Geometry(width=d_in, past=past), slots)
        self.heads, self.past, self.rope = heads, past, rope
        self.q = nn.Linear(d_in, d_in, bias=False)
        self.kv = nn.Linear(d_in, 2 * d_in, bias=False)
        self.out = nn.Linear(d_in, d_in, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        steps, past = x.shape[1], self.past
        cached = self.kv(x)  # [B T 2D]
        real = valid_steps(lengths, steps)  # [B T]
        next_state: State = {}
        if past:
            cached = torch.cat((state["kv"].to(cached.dtype), cached), dim=1)  # [B P+T 2D]
            old = torch.arange(past, device=x.device) >= past - state["seen"]  # [B P]: the newest `seen` of the cache
            real_keys = torch.cat((old, real), dim=1)
            seen = (state["seen"] + lengths[:, None]).clamp(max=past)
            next_state = {"kv": gather_steps(cached, lengths, past).to(state["kv"].dtype), "seen": seen}
        else:
            real_keys = real
        key_at = torch.arange(past + steps, device=x.device)
        query_at = key_at[past:]
        inside = (key_at <= query_at[:, None]) & (key_at >= query_at[:, None] - past)  # [T P+T]
        mask = (inside & real_keys[:, None]) | ~real[:, :, None]  # padded queries see all, and are zeroed below: no NaN
        k, v = cached.unflatten(-1, (2, self.heads, -1)).unbind(2)  # 2 x [B P+T H E]
        q = self.q(x).unflatten(-1, (self.heads, -1))  # [B T H E]
        if self.rope:
            q, k = rotate(q, query_at), rotate(k, key_at)
        y = self.dropout(self.out(attend(q, k, v, mask)))
        return zero_padding(y, lengths), lengths, next_state
