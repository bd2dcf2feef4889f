"""LSTM with layer normalisation of both projections and of the memory.

    i, f, g, o = LN(W x) + LN(U h) + b
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(LN(c'))

Ba et al. 2016, arXiv:1607.06450, equations 20 to 22. The bias is the one of the input's norm; its forget part starts
at 1. Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.init import init_input, init_recurrent


class LayerNormLSTMCell(Cell):
    """State: h [B H], c [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, forget_bias: float = 1.0) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,)), "c": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 4 * hidden, bias=False)  # rows: [i | f | g | o]
        self.h_proj = nn.Linear(hidden, 4 * hidden, bias=False)
        self.x_norm = nn.LayerNorm(4 * hidden)
        self.h_norm = nn.LayerNorm(4 * hidden)
        self.c_norm = nn.LayerNorm(hidden)
        init_input(self.x_proj.weight, 4)
        init_recurrent(self.h_proj.weight, 4)
        nn.init.constant_(self.x_norm.bias.data[hidden : 2 * hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 4H]
        y: Tensor = self.x_norm(self.x_proj(x))
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        i, f, g, o = (p + self.h_norm(self.h_proj(state["h"]))).chunk(4, dim=-1)  # 4 x [B H]
        c = torch.sigmoid(f) * state["c"] + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(self.c_norm(c))
        return h, {"h": h, "c": c}

    def roles(self) -> tuple[Role, ...]:
        return (
            Role("input", "x_proj.weight", blocks=4),
            Role("recurrent", "h_proj.weight", blocks=4),
            Role("forget", "x_norm.bias", rows=(self.hidden, 2 * self.hidden)),
            Role("input-gate", "x_norm.bias", rows=(0, self.hidden)),
        )
