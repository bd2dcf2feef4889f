"""Multi-head attention from one sequence to another: each step of x asks a memory.

    y_t = W_o concat_h softmax( q_t . k_s / sqrt(E) ) v_s        q from x; k, v from the memory's steps

Vaswani et al. 2017, arXiv:1706.03762. Time does not enter: every step is answered alone, so it streams without state.
Over a memory of length 0 it gives zeros. Shapes: B batch, T time, S memory steps, D width, M memory width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, identity, read_memory, zero_padding
from seqhub_attention.heads import attend, check_heads, kv_width


class CrossAttention(SequenceLayer):
    """State: none. memory_width 0: as wide as x."""

    def __init__(
        self, d_in: int, *, heads: int, kv_heads: int = 0, memory_width: int = 0, dropout: float = 0.0
    ) -> None:
        kv_heads = check_heads(d_in, heads, kv_heads)
        super().__init__(d_in, identity(d_in))
        self.heads, self.kv_heads, self.attends_to = heads, kv_heads, memory_width or d_in
        self.q = nn.Linear(d_in, d_in, bias=False)
        self.kv = nn.Linear(self.attends_to, kv_width(d_in, heads, kv_heads), bias=False)
        self.out = nn.Linear(d_in, d_in, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        values, real = read_memory(memory, self.attends_to)  # [B S M], [B S]
        some = real.any(dim=1)  # [B]
        seen = (real | ~some[:, None])[:, None].expand(-1, x.shape[1], -1)  # nothing to see: all, zeroed below
        q = self.q(x).unflatten(-1, (self.heads, -1))  # [B T H E]
        k, v = self.kv(values).unflatten(-1, (2, self.kv_heads, -1)).unbind(2)  # 2 x [B S G E]
        y = self.dropout(self.out(attend(q, k, v, seen)))
        return zero_padding(y, torch.where(some, lengths, torch.zeros_like(lengths))), lengths, {}
