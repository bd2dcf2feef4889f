"""Closed-form continuous-time network (CfC): a cell that is told how much time has passed.

    s     = backbone(x, h)                   one or more layers of 1.7159 tanh(2/3 .)
    f, g, k = W_f s + b_f, tanh(W_g s + b_g), tanh(W_k s + b_k)
    h'    = sigmoid(-f dt) * g + (1 - sigmoid(-f dt)) * k

Hasani et al. 2022, arXiv:2106.13898, equation 10. dt is the time since the previous step, 1 where none is given.
Differs from the authors' code, which adds a learnt offset to f dt. Weights start Xavier-uniform, biases at zero.
Shapes: B batch, T time, D input width, H hidden width, U width of the backbone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least


class CfCCell(Cell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, backbone: int = 64, layers: int = 1) -> None:
        at_least(1, hidden=hidden, backbone=backbone, layers=layers)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.x_proj = nn.Linear(d_in, backbone)
        self.h_proj = nn.Linear(hidden, backbone, bias=False)
        self.deeper = nn.ModuleList(nn.Linear(backbone, backbone) for _ in range(layers - 1))
        self.heads = nn.Linear(backbone, 3 * hidden)  # rows: [f | g | k]
        # The first layer reads x and h side by side: its bounds are those of one matrix over both.
        bound = (6.0 / (d_in + hidden + backbone)) ** 0.5
        nn.init.uniform_(self.x_proj.weight, -bound, bound)
        nn.init.uniform_(self.h_proj.weight, -bound, bound)
        nn.init.zeros_(self.x_proj.bias)
        for linear in (*self.deeper, *[self.heads]):
            for rows in linear.weight.data.chunk(3 if linear is self.heads else 1):
                nn.init.xavier_uniform_(rows)
            nn.init.zeros_(linear.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T U]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        s = _lecun_tanh(p + self.h_proj(state["h"]))
        for layer in self.deeper:
            s = _lecun_tanh(layer(s))
        f, g, k = self.heads(s).to(state["h"].dtype).chunk(3, dim=-1)  # 3 x [B H]
        early = torch.sigmoid(-f if ctx.dt is None else -f * ctx.dt)
        h = early * torch.tanh(g) + (1 - early) * torch.tanh(k)
        return h, {"h": h}

    def roles(self) -> tuple[Role, ...]:
        return (Role("input", "x_proj.weight"), Role("recurrent", "h_proj.weight"), Role("bias", "x_proj.bias"))


def _lecun_tanh(x: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(2 / 3 * x)
