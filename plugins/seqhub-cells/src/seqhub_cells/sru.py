"""Simple recurrent unit: all matrix products read the input, the state is touched element by element.

    f  = sigmoid(W_f x + v_f * c + b_f)              forget gate
    r  = sigmoid(W_r x + v_r * c + b_r)              reset gate, of the highway
    c' = f * c + (1 - f) * (W x)
    h  = r * c' + (1 - r) * alpha * x,    alpha = sqrt(1 + 2 exp(b_r at the start))

Lei et al. 2018, arXiv:1709.02755v5, equations 1 to 4. With `state_gates: false` v = 0, as in the paper's first version:
then the cell is linear and runs in parallel over time. Where D and H differ, the highway takes W_s x in place of x. W
starts uniform with variance 1/D; with state gates W_f, W_r have half of that, and v variance 1/2, as the published code
has it.
Shapes: B batch, T time, D input width, H hidden width; `...` is [B] or [B T].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqhub.nn import Context, LinearCell, Role, Slot, State
from seqhub_cells.arguments import at_least


class SRUCell(LinearCell):
    """State: c [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, state_gates: bool = True, highway_bias: float = 0.0) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"c": Slot((hidden,))})
        self.kind = "step" if state_gates else "linear"  # type: ignore[misc]  # what the equations are, not a choice
        self.no_decay = ("v", "bias") if state_gates else ("bias",)  # type: ignore[misc]
        self.hidden, self.alpha = hidden, math.sqrt(1 + 2 * math.exp(highway_bias))
        skip = d_in != hidden
        self.x_proj = nn.Linear(d_in, (4 if skip else 3) * hidden, bias=False)  # rows: [candidate | f | r | skip]
        self.bias = nn.Parameter(torch.cat((torch.zeros(hidden), torch.full((hidden,), highway_bias))))  # [f | r]
        v = torch.empty(2, hidden).uniform_(-1, 1) * math.sqrt(1.5)
        self.v = nn.Parameter(v) if state_gates else None  # [f | r]
        nn.init.uniform_(self.x_proj.weight, -math.sqrt(3 / d_in), math.sqrt(3 / d_in))
        if state_gates:
            self.x_proj.weight.data[hidden : 3 * hidden] *= math.sqrt(0.5)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # [B T D] -> candidate, f, r, skip [B T H]
        parts = self.x_proj(x).split(self.hidden, dim=-1)
        b_f, b_r = self.bias[: self.hidden], self.bias[self.hidden :]
        skip = parts[3] if len(parts) == 4 else x
        return parts[0], parts[1] + b_f, parts[2] + b_r, self.alpha * skip

    def coeffs(self, p: tuple[Tensor, ...], ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        candidate, f = p[0], torch.sigmoid(p[1])
        return {"c": (f, (1 - f) * candidate)}

    def emit(self, h: State, p: tuple[Tensor, ...]) -> Tensor:
        r = torch.sigmoid(p[2])
        return r * h["c"] + (1 - r) * p[3]

    def step(self, p: tuple[Tensor, ...], state: State, ctx: Context) -> tuple[Tensor, State]:
        if self.v is not None:
            candidate, f, r, skip = p
            p = (candidate, f + self.v[0] * state["c"], r + self.v[1] * state["c"], skip)
        return super().step(p, state, ctx)

    def roles(self) -> tuple[Role, ...]:
        blocks = self.x_proj.out_features // self.hidden
        return (Role("input", "x_proj.weight", blocks=blocks), Role("forget", "bias", rows=(0, self.hidden)))
