"""Light GRU: no reset gate, and a rectifier for the candidate.

    z  = sigmoid(N(W_z x) + U_z h)           update gate: the share that is kept
    n  = relu(N(W_n x) + U_n h)              candidate
    h' = z * h + (1 - z) * n

Ravanelli et al. 2018, arXiv:1803.10225. There N is batch normalisation, which lets rows of a batch and their
padding into one another's statistics; here it is layer normalisation of each gate, or none.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least, one_of
from seqhub_cells.init import init_input, init_recurrent


class LiGRUCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, norm: Literal["layer", "none"] = "layer") -> None:
        one_of("norm", norm, ("layer", "none"))
        at_least(2 if norm == "layer" else 1, hidden=hidden)  # one number, normalised, is a constant
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 2 * hidden, bias=norm == "none")  # rows: [z | n]
        self.h_proj = nn.Linear(hidden, 2 * hidden, bias=False)
        self.z_norm = nn.LayerNorm(hidden) if norm == "layer" else None
        self.n_norm = nn.LayerNorm(hidden) if norm == "layer" else None
        init_input(self.x_proj.weight, 2)
        init_recurrent(self.h_proj.weight, 2)
        if self.x_proj.bias is not None:
            nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 2H]
        p: Tensor = self.x_proj(x)
        if self.z_norm is None or self.n_norm is None:
            return p
        z, n = p.chunk(2, dim=-1)  # 2 x [B T H]
        return torch.cat((self.z_norm(z), self.n_norm(n)), dim=-1)

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        z, n = (p + self.h_proj(h)).chunk(2, dim=-1)  # 2 x [B H]
        z = torch.sigmoid(z)
        h = z * h + (1 - z) * torch.relu(n)
        return h, {"h": h}

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight", blocks=2), Role("recurrent", "h_proj.weight", blocks=2))
        if self.z_norm is not None:
            return (*weights, Role("forget", "z_norm.bias"))
        return (*weights, Role("bias", "x_proj.bias"), Role("forget", "x_proj.bias", rows=(0, self.hidden)))
