"""Where in its sequence a step stands, added to its input.

sinusoidal  y_t[2i], y_t[2i + 1] = x_t[2i] + sin(t w_i), x_t[2i + 1] + cos(t w_i)      w_i = base^(-2i / D)
            Vaswani et al. 2017, arXiv:1706.03762
learned     y_t = x_t + table[min(t, longest - 1)]

t counts on from chunk to chunk, row by row. A long stream keeps its precision: t = 4096 h + l, and the sine of t w_i
is put together from those of h (4096 w_i) and l w_i, with 4096 w_i taken modulo a turn in double precision beforehand.
Shapes: B batch, T time, D width.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from seqhub.geometry import identity
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State

PositionKind = Literal["sinusoidal", "learned"]
_COARSE = 4096
_INIT_STD = 0.02


class Position(SequenceLayer):
    """State: count [B 1], the steps so far."""

    fine: Tensor
    coarse: Tensor

    def __init__(
        self, d_in: int, *, kind: PositionKind = "sinusoidal", base: float = 10000.0, longest: int = 512
    ) -> None:
        if kind not in get_args(PositionKind):
            raise ValueError(f"kind is {kind!r}, expected one of {get_args(PositionKind)}")
        if kind == "sinusoidal" and d_in % 2:
            raise ValueError(f"sinusoidal positions come in pairs, the width {d_in} is odd")
        super().__init__(d_in, identity(d_in), {"count": Slot((1,), dtype="int64")})
        self.kind, self.longest = kind, longest
        if kind == "learned":
            self.table = nn.Parameter(torch.randn(longest, d_in) * _INIT_STD)
            return
        turn = base ** (-torch.arange(0, d_in, 2, dtype=torch.float64) / d_in)  # [D/2], radians a step
        self.register_buffer("fine", turn.float(), persistent=False)
        self.register_buffer("coarse", (_COARSE * turn % (2 * math.pi)).float(), persistent=False)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        at = state["count"] + torch.arange(x.shape[1], device=x.device)  # [B T]
        where = self._sines(at) if self.kind == "sinusoidal" else self.table[at.clamp(max=self.longest - 1)]
        y = zero_padding(zero_padding(x, lengths) + where.to(x.dtype), lengths)
        return y, lengths, {"count": state["count"] + lengths[:, None]}

    def _sines(self, at: Tensor) -> Tensor:
        """[B T] -> [B T D], sine and cosine side by side."""
        a = (at // _COARSE)[..., None] * self.coarse
        b = (at % _COARSE)[..., None] * self.fine
        sine = a.sin() * b.cos() + a.cos() * b.sin()
        cosine = a.cos() * b.cos() - a.sin() * b.sin()
        return torch.stack((sine, cosine), dim=-1).flatten(-2)
