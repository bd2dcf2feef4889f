"""Update gate RNN (UGRNN): a simple recurrent network with one gate that says how much to keep.

    g  = sigmoid(W_g x + b_g + U_g h)        share that is kept
    n  = tanh(W_n x + b_n + U_n h)           candidate
    h' = g * h + (1 - g) * n

Collins, Sohl-Dickstein and Sussillo 2017, arXiv:1611.09913. Both maps read the same h, so one matrix product
a step is enough. The gate's bias starts at 1, as in the authors' code.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class UGRNNCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 2 * hidden, bias=bias)  # rows: [g | n]
        self.h_proj = nn.Linear(hidden, 2 * hidden, bias=False)
        init_input(self.x_proj.weight, 2)
        init_recurrent(self.h_proj.weight, 2)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.constant_(self.x_proj.bias.data[:hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 2H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        g, n = (p + self.h_proj(h)).chunk(2, dim=-1)  # 2 x [B H]
        g = torch.sigmoid(g)
        h = g * h + (1 - g) * torch.tanh(n)
        return h, {"h": h}

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=2), Role("recurrent", "h_proj.weight", blocks=2))
        if self.x_proj.bias is None:
            return weights
        return (*weights, Role("bias", "x_proj.bias"), Role("forget", "x_proj.bias", rows=(0, self.hidden)))
