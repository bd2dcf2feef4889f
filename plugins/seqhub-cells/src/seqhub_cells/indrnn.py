"""Independently recurrent network (IndRNN): each unit reads its own past, and no other's.

    h' = relu(W x + b + u * h)               or tanh in place of relu

Li et al. 2018, arXiv:1803.04831, equation 1. u starts uniform between 0 and its limit. The paper keeps |u| within
2^(1/T) for sequences of T steps, by clipping after each update; here the step uses the clipped value while the gradient
passes as if it were not, so that a weight at the limit can come back.
Shapes: B batch, T time, D input width, H hidden width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub.nn.roles import is_the_gain
from seqhub_cells.arguments import at_least, one_of
from seqhub_cells.init import init_input


class IndRNNCell(Cell):
    """State: h [B H]. Output: h."""

    no_decay = ("u",)

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        bias: bool = True,
        nonlinearity: Literal["relu", "tanh"] = "relu",
        steps: int | None = None,
    ) -> None:
        at_least(1, hidden=hidden, steps=1 if steps is None else steps)
        one_of("nonlinearity", nonlinearity, ("relu", "tanh"))
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.nonlinearity = nonlinearity
        self.limit = None if steps is None else 2.0 ** (1.0 / steps)
        self.x_proj = nn.Linear(d_in, hidden, bias=bias)
        self.u = nn.Parameter(torch.rand(hidden) * (self.limit or 1.0))
        init_input(self.x_proj.weight, 1)
        if bias:
            nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T H]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        u: Tensor = self.u
        if self.limit is not None:
            u = u + (u.clamp(-self.limit, self.limit) - u).detach()
        pre = p + u * state["h"]
        h = torch.relu(pre) if self.nonlinearity == "relu" else torch.tanh(pre)
        return h, {"h": h}

    def roles(self) -> tuple[Role, ...]:
        weights = (Role("input", "x_proj.weight"), Role("diagonal", "u", write=is_the_gain))
        return weights if self.x_proj.bias is None else (*weights, Role("bias", "x_proj.bias"))
