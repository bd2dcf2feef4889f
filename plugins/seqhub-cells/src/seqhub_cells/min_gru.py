"""minGRU: a GRU whose gate and candidate do not read the state, so that it runs in parallel over time.

    z  = sigmoid(W_z x)                      update gate
    h' = (1 - z) * h + z * (W_h x)

Feng et al. 2024, arXiv:2410.01201, section 3.1.3. No nonlinearity on the candidate, as in the paper's plain form.
Shapes: B batch, T time, D input width, H hidden width; `...` is [B] or [B T].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Context, LinearCell, Role, Slot, State
from seqhub.nn.roles import keeps_the_rest
from seqhub_cells.init import init_input


class MinGRUCell(LinearCell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.hidden = hidden
        self.x_proj = nn.Linear(d_in, 2 * hidden, bias=bias)  # rows: [z | candidate]
        init_input(self.x_proj.weight, 2)
        if bias:
            nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 2H]
        y: Tensor = self.x_proj(x)
        return y

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        gate, candidate = p.chunk(2, dim=-1)  # 2 x [... H]
        z = torch.sigmoid(gate)
        return {"h": (1 - z, z * candidate)}

    def emit(self, h: State, p: Tensor) -> Tensor:
        return h["h"]

    def roles(self) -> tuple[Role, ...]:
        weights = Role("input", "x_proj.weight", blocks=2)
        if self.x_proj.bias is None:
            return (weights,)
        forget = Role("forget", "x_proj.bias", rows=(0, self.hidden), write=keeps_the_rest)
        return (weights, Role("bias", "x_proj.bias"), forget)
