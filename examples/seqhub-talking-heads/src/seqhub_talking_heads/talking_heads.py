"""Talking heads over a sliding window: attention whose heads mix before and after the softmax.

    J = q_t . k_s / sqrt(E) for each head      L = mix_before J over heads
    A = softmax_s(L)                           y_t = W_o concat_h sum_s (mix_after A)[h, s] v_s[h]

Shazeer et al. 2020, arXiv:2003.02436, here causal over the `window` steps that end with t, as many heads at each stage.
Shapes: B batch, T time, D width, H heads, E = D / H, P = window - 1 earlier steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import WHOLE, Context, Geometry, Memory, Recent, SequenceLayer, State, zero_padding


class TalkingHeads(SequenceLayer):
    """State: the keys and values of the last window - 1 steps, and how many of them are real."""

    def __init__(self, d_in: int, *, heads: int, window: int) -> None:
        recent = Recent(2 * d_in, window=window)
        super().__init__(d_in, Geometry(width=d_in, past=window - 1), recent.state)
        self.heads, self.recent = heads, recent
        self.qkv = nn.Linear(d_in, 3 * d_in, bias=False)
        self.out = nn.Linear(d_in, d_in, bias=False)
        self.mix_before = nn.Parameter(torch.eye(heads) + 0.1 * torch.randn(heads, heads))
        self.mix_after = nn.Parameter(torch.eye(heads) + 0.1 * torch.randn(heads, heads))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        q, new = self.qkv(x).split((self.d_in, 2 * self.d_in), dim=-1)  # [B T D], [B T 2D]
        kv, allowed, next_state = self.recent(new, lengths, state)  # [B P+T 2D], [B T P+T]
        k, v = kv.unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)  # 2 x [B H P+T E]
        q = q.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B H T E]
        logits = self._mix(self.mix_before, q @ k.mT * q.shape[-1] ** -0.5)  # [B H T P+T]
        shares = logits.masked_fill(~allowed[:, None], float("-inf")).softmax(dim=-1)
        y = self.out((self._mix(self.mix_after, shares) @ v).transpose(1, 2).flatten(2))
        return zero_padding(y, lengths), lengths, next_state

    def _mix(self, weight: Tensor, x: Tensor) -> Tensor:
        """Each head a sum of all: [H H] x [B H T S] -> [B H T S]."""
        return (weight.to(x.dtype) @ x.flatten(2)).unflatten(2, x.shape[2:])
