"""Minimal gated unit (MGU): a GRU that keeps one gate.

    f  = sigmoid(W_f x + b_f + U_f h)        forget gate, here the share that is replaced
    n  = tanh(W_n x + b_n + U_n (f * h))     candidate
    h' = (1 - f) * h + f * n

Zhou et al. 2016, arXiv:1603.09420, with separate matrices for x and h. Two matrices each in place of the GRU's three.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub.nn.roles import keeps_the_rest
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class MGUCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 2 * hidden, bias=bias)  # rows: [f | n]
        self.h_gate = nn.Linear(hidden, hidden, bias=False)
        self.h_cand = nn.Linear(hidden, hidden, bias=False)
        init_input(self.x_proj.weight, 2)
        init_recurrent(self.h_gate.weight, 1)
        init_recurrent(self.h_cand.weight, 1)
        if bias:
            nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 2H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        x_f, x_n = p.chunk(2, dim=-1)  # 2 x [B H]
        f = torch.sigmoid(x_f + self.h_gate(h))
        n = torch.tanh(x_n + self.h_cand(f * h))  # the gate comes before the matrix product
        h = (1 - f) * h + f * n
        return h, {"h": h}

    def roles(self) -> tuple[Role, ...]:
        weights = (
            Role("input", "x_proj.weight", blocks=2),
            Role("recurrent", "h_gate.weight"),
            Role("recurrent", "h_cand.weight"),
        )
        if self.x_proj.bias is None:
            return weights
        forget = Role("forget", "x_proj.bias", rows=(0, self.hidden), write=keeps_the_rest)
        return (*weights, Role("bias", "x_proj.bias"), forget)
