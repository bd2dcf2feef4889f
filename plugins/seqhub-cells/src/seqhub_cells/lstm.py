"""Long short-term memory with a forget gate.

    i, f, o = sigmoid(W x + b + U h)         input, forget, output gate
    g       = tanh(W_g x + b_g + U_g h)      candidate
    c' = f * c + i * g
    h' = o * tanh(c')

Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; forget gate of Gers et al. 2000,
doi:10.1162/089976600300015015.
One bias, where torch.nn.LSTM has two that only add up. The forget bias starts at 1, so that a new cell remembers.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, NativeForm, Role, Slot, State
from seqhub_cells.init import init_input, init_recurrent


class LSTMCell(Cell):
    """State: h [B H], c [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,)), "c": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 4 * hidden, bias=bias)  # rows: [i | f | g | o], torch's order
        self.h_proj = nn.Linear(hidden, 4 * hidden, bias=False)
        init_input(self.x_proj.weight, 4)
        init_recurrent(self.h_proj.weight, 4)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.constant_(self.x_proj.bias.data[hidden : 2 * hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 4H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        i, f, g, o = (p + self.h_proj(state["h"])).chunk(4, dim=-1)  # 4 x [B H]
        c = torch.sigmoid(f) * state["c"] + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, {"h": h, "c": c}

    def native(self) -> NativeForm:
        weight = self.h_proj.weight
        zeros = weight.new_zeros(weight.shape[0])
        bias = self.x_proj.bias if self.x_proj.bias is not None else zeros
        return NativeForm("lstm", self.x_proj.weight, weight, bias, zeros)

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=4), Role("recurrent", "h_proj.weight", blocks=4))
        if self.x_proj.bias is None:
            return weights
        forget = Role("forget", "x_proj.bias", rows=(self.hidden, 2 * self.hidden))
        return (*weights, Role("bias", "x_proj.bias"), forget, Role("input-gate", "x_proj.bias", rows=(0, self.hidden)))
