"""Self-attention over a sliding window, with a cache: each step sees itself, the window - 1 steps before it, and, with
look-ahead, the `future` steps after it.

    y_t = W_o concat_h softmax( q_t . k_s / sqrt(E) ) v_s        t - window < s <= t + future

Multi-head attention of Vaswani et al. 2017, arXiv:1706.03762; the window of Beltagy et al. 2020, arXiv:2004.05150.
Keys are kept without their positions, and distances are counted inside the cache, so that a stream of any length keeps
its precision. Shapes: B batch, T time, D width, K keys, P = window - 1, F = future.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Geometry, Memory, Slot, State, Window, valid_steps, zero_padding
from seqhub_attention.heads import SelfAttention, kv_width
from seqhub_attention.positions import POSITIONS, Name


class LocalAttention(SelfAttention):
    """State: cache [B P+F ..], keys and values, and with look-ahead the queries that wait; pending [B 1], how many
    wait; at [B 1], steps of the row so far.
    """

    def __init__(
        self,
        d_in: int,
        *,
        heads: int,
        window: int,
        future: int = 0,
        kv_heads: int = 0,
        positions: Name = "rope",
        max_length: int = 512,
        dropout: float = 0.0,
    ) -> None:
        past, cached = window - 1, kv_width(d_in, heads, kv_heads)
        frame = Window(cached + (d_in if future else 0), past=past, future=future)
        slots = {_NAMES[name]: slot for name, slot in frame.state.items()}
        if slots or (positions in POSITIONS and POSITIONS[positions].counts):
            slots["at"] = Slot((1,), dtype="int64")
        super().__init__(
            Geometry(width=d_in, past=past, future=future),
            slots,
            heads=heads,
            kv_heads=kv_heads,
            positions=positions,
            max_length=max_length,
            dropout=dropout,
        )
        self.past, self.future, self.cached, self.frame = past, future, cached, frame

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        at = state["at"] if "at" in state else torch.zeros_like(lengths)[:, None]  # [B 1]
        x = self.positions.place(x, at + torch.arange(x.shape[1], device=x.device))
        kv, q = self.kv(x), self.q(x)
        rows = torch.cat((kv, q), dim=-1) if self.future else kv
        held = {name: state[_NAMES[name]] for name in self.frame.state}
        buffer, out_lengths, kept = self.frame(rows, lengths, held, ctx.end)  # [B K ..]
        next_state = {_NAMES[name]: value for name, value in kept.items()}
        if "at" in state:
            next_state["at"] = at + lengths[:, None]

        keys = torch.arange(buffer.shape[1], device=x.device)
        if self.future:
            q = buffer[:, self.past : buffer.shape[1] - self.future, self.cached :]
        first = at - self.past - state["pending"] if self.future else at - self.past  # the buffer's first step
        step = first + keys  # [B K]
        real = (step >= 0) & (step < at + lengths[:, None])
        place = keys[self.past : buffer.shape[1] - self.future, None]  # [T 1]: a query stands where its own key does
        inside = (keys >= place - self.past) & (keys <= place + self.future)  # [T K]
        asked = valid_steps(out_lengths, q.shape[1])
        seen = (inside & real[:, None]) | ~asked[:, :, None]  # padded queries see all, and are zeroed below: no NaN
        span = torch.arange(-self.past, self.future + 1, device=x.device)
        y = self.attended(q, buffer[..., : self.cached], seen, keys[self.past : self.past + 1], span)
        return zero_padding(y, out_lengths), out_lengths, next_state


_NAMES = {"x": "cache", "pending": "pending"}  # the window's slots, by what they hold here
