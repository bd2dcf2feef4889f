"""Antisymmetric RNN: Euler steps of a differential equation that neither explodes nor forgets.

    z  = sigmoid( M h + V_z x + b_z )
    h' = h + step * z * tanh( M h + V_h x + b_h )        M = W - W^T - damping * I

Chang et al. 2019, arXiv:1902.09689: the gated form; without the gate, z is 1. W - W^T has imaginary eigenvalues only,
so that h neither grows nor fades; `damping` keeps the Euler steps stable. Gate and candidate share M, as in the paper.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqhub.nn import Cell, Context, Slot, State


class AntisymmetricRnnCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, step: float = 0.1, damping: float = 0.1, gated: bool = True) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.step_size, self.damping, self.gated = step, damping, gated
        self.x_proj = nn.Linear(d_in, 2 * hidden if gated else hidden)  # rows: [candidate | z]
        self.h_weight = nn.Parameter(torch.randn(hidden, hidden) / hidden**0.5)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 2H], or [B T H] without the gate
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        turn = functional.linear(h, self.h_weight) - h @ self.h_weight  # (W - W^T) h; W.T beside W would be an alias,
        drive = turn - self.damping * h  # which the exporter refuses inside a loop
        if self.gated:
            candidate, z = p.chunk(2, dim=-1)  # 2 x [B H]
            change = torch.sigmoid(drive + z) * torch.tanh(drive + candidate)
        else:
            change = torch.tanh(drive + p)
        h = h + self.step_size * change
        return h, {"h": h}
