"""Gated recurrent unit, with either of its two published reset conventions.

    r, z = sigmoid(W x + b + U h)                       reset and update gate
    n    = tanh(W_n x + b_n + r * (U_n h + b'_n))       reset: after   (torch, cuDNN)
    n    = tanh(W_n x + b_n + U_n (r * h) + b'_n)       reset: before  (the paper's first version)
    h'   = (1 - z) * n + z * h

Cho et al. 2014, arXiv:1406.1078. `after` needs one matrix product a step, `before` two.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Cell, Context, NativeForm, Role, Slot, State
from seqhub_cells.init import init_input, init_recurrent


class GRUCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(
        self, d_in: int, *, hidden: int, bias: bool = True, reset: Literal["after", "before"] = "after"
    ) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.hidden, self.reset = hidden, reset
        self.x_proj = nn.Linear(d_in, 3 * hidden, bias=bias)  # rows: [r | z | n], torch's order
        self.h_proj = nn.Linear(hidden, 3 * hidden, bias=bias)
        init_input(self.x_proj.weight, 3)
        init_recurrent(self.h_proj.weight, 3)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.zeros_(self.h_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 3H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        x_r, x_z, x_n = p.chunk(3, dim=-1)  # 3 x [B H]
        if self.reset == "after":
            h_r, h_z, h_n = self.h_proj(h).chunk(3, dim=-1)
            n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
        else:
            weight, bias, two = self.h_proj.weight, self.h_proj.bias, 2 * self.hidden
            b_gates, b_candidate = (None, None) if bias is None else (bias[:two], bias[two:])
            h_r, h_z = F.linear(h, weight[:two], b_gates).chunk(2, dim=-1)
            n = torch.tanh(x_n + F.linear(torch.sigmoid(x_r + h_r) * h, weight[two:], b_candidate))
        z = torch.sigmoid(x_z + h_z)
        h = (1 - z) * n + z * h
        return h, {"h": h}

    def native(self) -> NativeForm | None:
        if self.reset == "before":
            return None
        weight = self.h_proj.weight
        zeros = weight.new_zeros(weight.shape[0])
        bias_ih = self.x_proj.bias if self.x_proj.bias is not None else zeros
        bias_hh = self.h_proj.bias if self.h_proj.bias is not None else zeros
        return NativeForm("gru", self.x_proj.weight, weight, bias_ih, bias_hh)

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=3), Role("recurrent", "h_proj.weight", blocks=3))
        if self.x_proj.bias is None:
            return weights
        biases = (Role("bias", "x_proj.bias"), Role("bias", "h_proj.bias"))
        return (*weights, *biases, Role("forget", "x_proj.bias", rows=(self.hidden, 2 * self.hidden)))
