"""GRU with layer normalisation of everything that enters a gate.

    z, r = sigmoid(LN(W x) + LN(U h))        update and reset gate, one norm over both
    n    = tanh(LN(W_n x) + r * LN(U_n h))   candidate
    h'   = (1 - z) * h + z * n

Ba et al. 2016, arXiv:1607.06450, supplement (the GRU of the experiments). z lets the new value in, as there; the plain
`gru` here has torch's z, which keeps the old one. The biases are those of the norms.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub.nn.roles import keeps_the_rest
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class LayerNormGRUCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int) -> None:
        at_least(2, hidden=hidden)  # one number, normalised, is a constant
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 3 * hidden, bias=False)  # rows: [z | r | n]
        self.h_proj = nn.Linear(hidden, 3 * hidden, bias=False)
        self.x_gate_norm, self.x_norm = nn.LayerNorm(2 * hidden), nn.LayerNorm(hidden)
        self.h_gate_norm, self.h_norm = nn.LayerNorm(2 * hidden), nn.LayerNorm(hidden)
        init_input(self.x_proj.weight, 3)
        init_recurrent(self.h_proj.weight, 3)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [B T D] -> [B T 2H], [B T H]
        p = self.x_proj(x)
        return self.x_gate_norm(p[..., : 2 * self.hidden]), self.x_norm(p[..., 2 * self.hidden :])

    def step(self, p: tuple[Tensor, Tensor], state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        recalled = self.h_proj(h)  # [B 3H]
        gates = torch.sigmoid(p[0] + self.h_gate_norm(recalled[:, : 2 * self.hidden]))
        z, r = gates.chunk(2, dim=-1)  # 2 x [B H]
        n = torch.tanh(p[1] + r * self.h_norm(recalled[:, 2 * self.hidden :]))
        h = (1 - z) * h + z * n
        return h, {"h": h}

    def roles(self) -> tuple[Role, ...]:
        return (
            Role("input", "x_proj.weight", blocks=3),
            Role("recurrent", "h_proj.weight", blocks=3),
            Role("forget", "x_gate_norm.bias", rows=(0, self.hidden), write=keeps_the_rest),
        )
