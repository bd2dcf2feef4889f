"""LSTM with a recurrent projection: a wide memory behind a narrow output.

    i, f, o = sigmoid(W x + b + U r)         input, forget, output gate
    g       = tanh(W_g x + b_g + U_g r)      candidate
    c' = f * c + i * g
    r' = W_p (o * tanh(c'))                  what the gates and the next layer see

Sak, Senior and Beaufays 2014, arXiv:1402.1128 (LSTMP), without its peepholes and its second, non-recurrent projection:
so it is torch.nn.LSTM with `proj_size`. One step costs 4HP + HP products in place of 4H^2.
Shapes: B batch, T time, D input width, H width of the memory, P width of the projection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class ProjectedLSTMCell(Cell):
    """State: r [B P], c [B H]. Output: r."""

    def __init__(self, d_in: int, *, hidden: int, projection: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        at_least(1, hidden=hidden, projection=projection)
        super().__init__(d_in, output_size=projection, state={"r": Slot((projection,)), "c": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 4 * hidden, bias=bias)  # rows: [i | f | g | o], torch's order
        self.h_proj = nn.Linear(projection, 4 * hidden, bias=False)
        self.r_proj = nn.Linear(hidden, projection, bias=False)
        init_input(self.x_proj.weight, 4)
        init_recurrent(self.h_proj.weight, 4)
        nn.init.xavier_uniform_(self.r_proj.weight)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.constant_(self.x_proj.bias.data[hidden : 2 * hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 4H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        i, f, g, o = (p + self.h_proj(state["r"])).chunk(4, dim=-1)  # 4 x [B H]
        c = torch.sigmoid(f) * state["c"] + torch.sigmoid(i) * torch.tanh(g)
        r = self.r_proj(torch.sigmoid(o) * torch.tanh(c))  # [B P]
        return r, {"r": r, "c": c}

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=4), Role("recurrent", "h_proj.weight", blocks=4))
        if self.x_proj.bias is None:
            return weights
        forget = Role("forget", "x_proj.bias", rows=(self.hidden, 2 * self.hidden))
        return (*weights, Role("bias", "x_proj.bias"), forget, Role("input-gate", "x_proj.bias", rows=(0, self.hidden)))
