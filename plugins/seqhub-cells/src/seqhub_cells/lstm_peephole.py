"""LSTM with peepholes: the gates see the memory.

    i = sigmoid(W_i x + b_i + U_i h + p_i * c)           input gate
    f = sigmoid(W_f x + b_f + U_f h + p_f * c)           forget gate
    g = tanh(W_g x + b_g + U_g h)                        candidate
    c' = f * c + i * g
    o = sigmoid(W_o x + b_o + U_o h + p_o * c')          output gate: sees the new memory
    h' = o * tanh(c')

Gers, Schraudolph and Schmidhuber 2002, JMLR 3:115-143. Differs from the paper: the gates also see h, as in every later
form. Peepholes start at zero, so that a new cell is an LSTM; the forget bias starts at 1.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class PeepholeLSTMCell(Cell):
    """State: h [B H], c [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,)), "c": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 4 * hidden, bias=bias)  # rows: [i | f | g | o]
        self.h_proj = nn.Linear(hidden, 4 * hidden, bias=False)
        self.peephole = nn.Parameter(torch.zeros(3, hidden))  # [p_i | p_f | p_o]
        init_input(self.x_proj.weight, 4)
        init_recurrent(self.h_proj.weight, 4)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.constant_(self.x_proj.bias.data[hidden : 2 * hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 4H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        c = state["c"]
        i, f, g, o = (p + self.h_proj(state["h"])).chunk(4, dim=-1)  # 4 x [B H]
        i = torch.sigmoid(i + self.peephole[0] * c)
        f = torch.sigmoid(f + self.peephole[1] * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + self.peephole[2] * c) * torch.tanh(c)
        return h, {"h": h, "c": c}

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=4), Role("recurrent", "h_proj.weight", blocks=4))
        if self.x_proj.bias is None:
            return weights
        forget = Role("forget", "x_proj.bias", rows=(self.hidden, 2 * self.hidden))
        return (*weights, Role("bias", "x_proj.bias"), forget, Role("input-gate", "x_proj.bias", rows=(0, self.hidden)))
