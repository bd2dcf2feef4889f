"""Liquid time-constant network (LTC): a differential equation whose time constants depend on the input.

    dv/dt = -(1/tau + f) v + f A             f = sigmoid(W x + b + U v)

solved over the elapsed time dt by L steps of the paper's fused solver, implicit in v and explicit in f:

    v <- (v + d f A) / (1 + d (1/tau + f))   d = dt / L

Hasani et al. 2021, arXiv:2006.04439, equation 1 and algorithm 1. As 1/tau and f are positive, v stays between 0 and A
(theorem 2). dt is the time since the previous step, 1 where none is given. Differs from the authors' later code: one
sigmoid a unit in place of one a synapse. 1/tau starts log-uniform in [0.1, 1], A uniform in [-1, 1].
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input, init_recurrent


class LTCCell(Cell):
    """State: v [B H]. Output: v."""

    no_decay = ("rate", "target")

    def __init__(self, d_in: int, *, hidden: int, unfolds: int = 6) -> None:
        at_least(1, hidden=hidden, unfolds=unfolds)
        super().__init__(d_in, output_size=hidden, state={"v": Slot((hidden,))})
        self.unfolds = unfolds
        self.x_proj = nn.Linear(d_in, hidden)
        self.h_proj = nn.Linear(hidden, hidden, bias=False)
        per_time = torch.exp(torch.empty(hidden).uniform_(math.log(0.1), 0.0))
        self.rate = nn.Parameter(torch.log(torch.expm1(per_time)))  # 1/tau = softplus(rate)
        self.target = nn.Parameter(torch.empty(hidden).uniform_(-1.0, 1.0))  # A
        init_input(self.x_proj.weight, 1)
        init_recurrent(self.h_proj.weight, 1)
        nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        v = state["v"]
        leak = F.softplus(self.rate)  # 1/tau
        d = 1.0 / self.unfolds if ctx.dt is None else ctx.dt / self.unfolds
        for _ in range(self.unfolds):
            f = torch.sigmoid(p + self.h_proj(v)).to(v.dtype)
            v = (v + d * f * self.target) / (1 + d * (leak + f))
        return v, {"v": v}

    def roles(self) -> tuple[Role, ...]:
        return (Role("input", "x_proj.weight"), Role("recurrent", "h_proj.weight"), Role("bias", "x_proj.bias"))
