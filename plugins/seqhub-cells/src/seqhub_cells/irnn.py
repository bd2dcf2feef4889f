"""IRNN: a recurrent network of rectifiers whose recurrent matrix starts as the identity.

    h' = relu(W x + b + U h)                 U = scale * I at first

Le et al. 2015, arXiv:1504.00941, section 3: at first a unit keeps its value and adds what the input brings. As there,
W starts as N(0, 0.001^2) and the bias as zero; a scale below 1 (they use 0.01 for speech) forgets faster.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, NativeForm, Role, Slot, State
from seqhub_cells.arguments import at_least


class IRNNCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True, scale: float = 1.0) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.x_proj = nn.Linear(d_in, hidden, bias=bias)
        self.h_proj = nn.Linear(hidden, hidden, bias=False)
        nn.init.normal_(self.x_proj.weight, std=0.001)
        with torch.no_grad():
            self.h_proj.weight.copy_(scale * torch.eye(hidden))
        if bias:
            nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = torch.relu(p + self.h_proj(state["h"]))
        return h, {"h": h}

    def native(self) -> NativeForm:
        weight = self.h_proj.weight
        zeros = weight.new_zeros(weight.shape[0])
        bias = self.x_proj.bias if self.x_proj.bias is not None else zeros
        return NativeForm("rnn_relu", self.x_proj.weight, weight, bias, zeros)

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight"), Role("recurrent", "h_proj.weight"))
        return weights if self.x_proj.bias is None else (*weights, Role("bias", "x_proj.bias"))
