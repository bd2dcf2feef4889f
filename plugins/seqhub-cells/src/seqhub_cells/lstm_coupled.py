"""LSTM with coupled gates (CIFG): what is forgotten makes room for what is new.

    f, o = sigmoid(W x + b + U h)            forget and output gate
    g    = tanh(W_g x + b_g + U_g h)         candidate
    c' = f * c + (1 - f) * g
    h' = o * tanh(c')

Greff et al. 2015, arXiv:1503.04069, variant CIFG, here without peepholes. A quarter fewer parameters than an LSTM, and
|c| never exceeds 1 when it starts so. The forget bias starts at 1.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class CoupledLSTMCell(Cell):
    """State: h [B H], c [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,)), "c": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 3 * hidden, bias=bias)  # rows: [f | g | o]
        self.h_proj = nn.Linear(hidden, 3 * hidden, bias=False)
        init_input(self.x_proj.weight, 3)
        init_recurrent(self.h_proj.weight, 3)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.constant_(self.x_proj.bias.data[:hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 3H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        f, g, o = (p + self.h_proj(state["h"])).chunk(3, dim=-1)  # 3 x [B H]
        f = torch.sigmoid(f)
        c = f * state["c"] + (1 - f) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, {"h": h, "c": c}

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=3), Role("recurrent", "h_proj.weight", blocks=3))
        if self.x_proj.bias is None:
            return weights
        return (*weights, Role("bias", "x_proj.bias"), Role("forget", "x_proj.bias", rows=(0, self.hidden)))
