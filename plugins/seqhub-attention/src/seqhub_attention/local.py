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
from torch.nn import functional as F

from seqhub.nn import WHOLE, Context, Geometry, Memory, Slot, State, Window, gather_steps, valid_steps, zero_padding
from seqhub.nn.engines import is_exporting
from seqhub.nn.padding import shared_count
from seqhub_attention.heads import SelfAttention, kv_width
from seqhub_attention.positions import POSITIONS, Name

SMALLEST_BLOCK = 32  # queries; smaller ones leave little work to a call
WORTH_CUTTING = 6  # blocks from which on cutting is faster than one product with most of it masked; measured on CPU


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
        kv, q, next_state = self.kv(x), self.q(x), State()
        if "at" in state:
            next_state["at"] = at + lengths[:, None]
        out_lengths, pending = lengths, torch.zeros_like(at)
        lead = self.past  # keys before that of the first query
        if self.future:
            held = {name: state[_NAMES[name]] for name in self.frame.state}
            rows, out_lengths, kept = self.frame(torch.cat((kv, q), dim=-1), lengths, held, ctx.end)
            kv, q = rows[..., : self.cached], rows[:, self.past : rows.shape[1] - self.future, self.cached :]
            pending = state["pending"]
            next_state |= {_NAMES[name]: value for name, value in kept.items()}
        elif self.past:
            next_state["cache"] = _newest(state["cache"], kv, lengths)
            if shared_count(at[:, 0]) == 0:
                lead = 0  # every row is new: there is nothing to remember
            else:
                kv = torch.cat((state["cache"].to(kv.dtype), kv), dim=1)

        step = at - pending - lead + torch.arange(kv.shape[1], device=x.device)  # [B K]: each key's step in its row
        real = (step >= 0) & (step < at + lengths[:, None])
        asked = valid_steps(out_lengths, q.shape[1])
        y = self._within(q, kv, real, asked, lead)
        return zero_padding(y, out_lengths), out_lengths, next_state

    def _within(self, q: Tensor, kv: Tensor, real: Tensor, asked: Tensor, lead: int) -> Tensor:
        """Queries q [B T D] over keys and values kv [B K ..] of which some are real [B K] -> y [B T D].

        lead: the key that stands where the first query does.  asked [B T]: the queries that count.
        A long chunk is cut: blocks of queries, each with its own stretch of keys, are so many more rows.
        """
        batch, steps, reach = q.shape[0], q.shape[1], self.past + self.future
        size = max(SMALLEST_BLOCK, reach)
        if is_exporting() or steps < WORTH_CUTTING * size:
            return self._dense(q, kv, real, asked, lead)
        blocks = -(-steps // size)
        spare, missing = blocks * size - steps, self.past - lead
        q, kv = F.pad(q, (0, 0, 0, spare)), F.pad(kv, (0, 0, missing, spare))
        real, asked = F.pad(real, (missing, spare)), F.pad(asked, (0, spare))
        kv = kv.unfold(1, size + reach, size).mT.flatten(0, 1)  # [B*blocks size+P+F ..]
        real = real.unfold(1, size + reach, size).flatten(0, 1)
        rows = (batch * blocks, size)
        y = self._dense(q.reshape(*rows, -1), kv, real, asked.reshape(rows), self.past)
        return torch.unflatten(y, 0, (batch, blocks)).flatten(1, 2)[:, :steps]

    def _dense(self, q: Tensor, kv: Tensor, real: Tensor, asked: Tensor, lead: int) -> Tensor:
        """As `_within`, by one masked product of all queries with all keys."""
        keys = torch.arange(kv.shape[1], device=kv.device)
        place = keys[lead : lead + q.shape[1], None]  # [T 1]: a query stands where its own key does
        seen = ((keys >= place - self.past) & (keys <= place + self.future))[None]  # [1 T K]
        if not (shared_count(real.sum(dim=1)) == kv.shape[1] and shared_count(asked.sum(dim=1)) == q.shape[1]):
            seen = (seen & real[:, None]) | ~asked[:, :, None]  # padded queries see all, and are zeroed: no NaN
        span = torch.arange(-self.past, self.future + 1, device=kv.device)
        return self.attended(q, kv, seen, keys[lead : lead + 1], span)


def _newest(cache: Tensor, kv: Tensor, lengths: Tensor) -> Tensor:
    """Each row's last P valid steps of the cache [B P ..] and the chunk [B T ..] after it."""
    past, steps = cache.shape[1], kv.shape[1]
    if shared_count(lengths) == steps and steps >= past:  # in this order: a trace must not ask the size
        return kv[:, steps - past :].to(cache.dtype, copy=True)
    return gather_steps(torch.cat((cache.to(kv.dtype), kv), dim=1), lengths, past).to(cache.dtype)


_NAMES = {"x": "cache", "pending": "pending"}  # the window's slots, by what they hold here
