"""sLSTM: an LSTM with exponential gates, a normaliser and heads.

    i~, f~, z~, o~ = W x + b + R h           R is block-diagonal: a head reads its own units only
    log f = log sigmoid(f~)                  or f~ itself: an exponential forget gate
    m' = max(log f + m, i~)                  running maximum, so that no exponential overflows
    c' = exp(log f + m - m') * c + exp(i~ - m') * tanh(z~)
    n' = exp(log f + m - m') * n + exp(i~ - m')
    h' = sigmoid(o~) * c' / n'

Beck et al. 2024, arXiv:2405.04517, section 2.2. m starts far below zero, where the authors' code asks whether the whole
batch is new: so n' >= 1 from the first step on, and rows do not see each other. As in their code R starts at zero,
and the forget bias falls from 5 to -7 over the units of a head as 5 - 12 u^0.3, u in [0, 1].
Shapes: B batch, T time, D input width, H hidden width, N heads, K = H / N units of a head.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least, divides, one_of
from seqhub_cells.init import init_input

_EMPTY = -1e30  # m before the first step: finite, so that no infinity minus infinity arises


class SLSTMCell(Cell):
    """State: h, c, n, m [B H] each; c and n are scaled by exp(-m). Output: h."""

    no_zoneout = ("c", "n", "m")  # they share the scale of one step

    def __init__(
        self, d_in: int, *, hidden: int, heads: int = 1, forget: Literal["sigmoid", "exponential"] = "sigmoid"
    ) -> None:
        at_least(1, hidden=hidden, heads=heads)
        divides("heads", heads, "hidden", hidden)
        one_of("forget", forget, ("sigmoid", "exponential"))
        slots = {"h": Slot((hidden,)), "c": Slot((hidden,)), "n": Slot((hidden,)), "m": Slot((hidden,), init=_EMPTY)}
        super().__init__(d_in, output_size=hidden, state=slots)
        self.heads, self.units, self.forget = heads, hidden // heads, forget
        self.x_proj = nn.Linear(d_in, 4 * hidden)  # rows: head, then gate [i | f | z | o], then unit
        self.h_proj = nn.Parameter(torch.zeros(4 * hidden, self.units))  # the same rows
        init_input(self.x_proj.weight, 4 * heads)
        falling = 5.0 - 12.0 * torch.linspace(0.0, 1.0, self.units) ** 0.3
        bias = torch.zeros(heads, 4, self.units)
        bias[:, 1] = falling
        with torch.no_grad():
            self.x_proj.bias.copy_(bias.flatten())

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 4H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        c, n, m = state["c"], state["n"], state["m"]
        i, f, z, o = (p + self._recalled(state["h"])).to(m.dtype).unflatten(-1, (self.heads, 4, self.units)).unbind(-2)
        i, f, z, o = i.flatten(1), f.flatten(1), z.flatten(1), o.flatten(1)  # 4 x [B H]
        kept = m + (F.logsigmoid(f) if self.forget == "sigmoid" else f)
        m = torch.maximum(kept, i)
        forget, let_in = torch.exp(kept - m), torch.exp(i - m)  # one of them is 1
        c = forget * c + let_in * torch.tanh(z)
        n = forget * n + let_in
        h = torch.sigmoid(o) * c / n
        return h, {"h": h, "c": c, "n": n, "m": m}

    def _recalled(self, h: Tensor) -> Tensor:
        """h [B H] -> R h [B 4H], each head by its own block."""
        weight = self.h_proj.unflatten(0, (self.heads, 4 * self.units))  # [N 4K K]
        each = h.unflatten(1, (self.heads, self.units)).transpose(0, 1)  # [N B K]
        return torch.bmm(each, weight.mT).transpose(0, 1).flatten(1)

    def roles(self) -> tuple[Role, ...]:
        k = self.units
        starts = [4 * k * head for head in range(self.heads)]
        return (
            Role("input", "x_proj.weight", blocks=4 * self.heads),
            Role("recurrent", "h_proj", blocks=4 * self.heads),
            Role("bias", "x_proj.bias"),
            *(Role("forget", "x_proj.bias", rows=(at + k, at + 2 * k), write=self._forget_bias) for at in starts),
        )

    def _forget_bias(self, retention: Tensor) -> Tensor:
        return torch.logit(retention) if self.forget == "sigmoid" else torch.log(retention)
