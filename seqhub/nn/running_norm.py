"""Normalisation of each series by its own past: reversible instance normalisation in a form that streams.

    m_t = mean of x_0 .. x_t        s_t = sqrt(variance of x_0 .. x_t + eps)
    z_t = (x_t - m_t) / s_t         back: x_t = z_t * s_t + m_t

Kim et al. 2022 (RevIN, https://openreview.net/forum?id=cGDAkQo1C0p) takes the statistics of the whole look-back for all
of its steps; here each step has those up to itself, so that no step sees a later one and a stream needs two sums. At
the last step of a look-back, which a forecast is made from, both are the same. There is no learnt gain: the layers
inside have one.
Sums are of x - x_0, so that a large level costs no digits. Shapes: B batch, T time, D columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.geometry import INF, Geometry, identity
from seqhub.nn.align import Align
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import last_step, zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate

_EPS = 1e-5


class RunningNorm(SequenceLayer):
    """z = (x - m) / s of each column. State: first [B D], sum and square [B D] of what differs from it, count [B 1]."""

    def __init__(self, d_in: int) -> None:
        slots = {name: Slot((d_in,)) for name in ("first", "sum", "square")}
        super().__init__(d_in, Geometry(width=d_in, past=INF), {**slots, "count": Slot((1,))})

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        z, _, _, next_state = self.normalise(zero_padding(x, lengths), lengths, state)
        return z, lengths, next_state

    def normalise(self, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor, State]:
        """z, and m and s that `restore` takes, at every step of x, which has zeros on its padding: [B T D] each; and
        the next state.
        """
        began = state["count"] > 0  # [B 1]
        first = torch.where(began, state["first"], x[:, 0].to(state["first"].dtype))
        apart = zero_padding(x - first[:, None], lengths)
        count = state["count"][:, None] + torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]  # [B T 1]
        total = state["sum"][:, None] + apart.cumsum(dim=1)
        square = state["square"][:, None] + apart.square().cumsum(dim=1)
        mean = total / count
        scale = torch.sqrt((square / count - mean.square()).clamp(min=0) + _EPS)
        moved = (lengths > 0)[:, None]
        next_state = {
            "first": torch.where(moved, first, state["first"]),
            "sum": torch.where(moved, last_step(total, lengths), state["sum"]),
            "square": torch.where(moved, last_step(square, lengths), state["square"]),
            "count": state["count"] + lengths[:, None],
        }
        return zero_padding((apart - mean) / scale, lengths), mean + first[:, None], scale, next_state


def restore(z: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """The inverse of the normalisation, with the statistics of the same steps: all [B T D]."""
    return z * scale + mean


class Reversible(SequenceLayer):
    """y = s * inner((x - m) / s) + m: inner sees every series at one level and scale, and answers in its own.

    If inner looks ahead, m and s of a step wait for its answer. State: the norm's, inner's, and what waits.
    """

    def __init__(self, inner: SequenceLayer) -> None:
        d_in, geometry = inner.d_in, inner.geometry
        if geometry.width != d_in or geometry.ratio != 1:
            raise ValueError(
                f"what is normalised [B T {d_in}] comes back [B T*{geometry.ratio} {geometry.width}]: they must match"
            )
        norm = RunningNorm(d_in)
        align = Align([identity(2 * d_in), geometry])
        slots = {**prefixed("norm", norm.state), **prefixed("inner", inner.state), **align.state}
        super().__init__(d_in, norm.geometry.then(geometry), slots)
        self.norm, self.inner, self.align = norm, inner, align

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.inner.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        z, mean, scale, known = self.norm.normalise(x, lengths, substate(state, "norm"))
        y, out_lengths, new = self.inner(z, lengths, substate(state, "inner"), memory, ctx)
        both = zero_padding(torch.cat((mean, scale), dim=-1), lengths)
        (both, y), out_lengths, waiting = self.align([(both, lengths), (y, out_lengths)], state)
        mean, scale = both.chunk(2, dim=-1)
        y = zero_padding(restore(y, mean, scale), out_lengths)
        return y, out_lengths, {**prefixed("norm", known), **prefixed("inner", new), **waiting}
