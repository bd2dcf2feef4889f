"""Elman's simple recurrent network.

    h' = tanh(W x + b + U h)                or relu in place of tanh

Elman 1990, doi:10.1207/s15516709cog1402_1. Here the output is h' itself; a readout is the next layer's business.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, NativeForm, Role, Slot, State
from seqhub_cells.init import init_input, init_recurrent


class RNNCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(
        self, d_in: int, *, hidden: int, bias: bool = True, nonlinearity: Literal["tanh", "relu"] = "tanh"
    ) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.nonlinearity = nonlinearity
        self.x_proj = nn.Linear(d_in, hidden, bias=bias)
        self.h_proj = nn.Linear(hidden, hidden, bias=False)
        init_input(self.x_proj.weight, 1)
        init_recurrent(self.h_proj.weight, 1)
        if bias:
            nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        pre = p + self.h_proj(state["h"])
        h = torch.tanh(pre) if self.nonlinearity == "tanh" else torch.relu(pre)
        return h, {"h": h}

    def native(self) -> NativeForm:
        weight = self.h_proj.weight
        zeros = weight.new_zeros(weight.shape[0])
        bias = self.x_proj.bias if self.x_proj.bias is not None else zeros
        kind: Literal["rnn_tanh", "rnn_relu"] = "rnn_tanh" if self.nonlinearity == "tanh" else "rnn_relu"
        return NativeForm(kind, self.x_proj.weight, weight, bias, zeros)

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight"), Role("recurrent", "h_proj.weight"))
        return weights if self.x_proj.bias is None else (*weights, Role("bias", "x_proj.bias"))
