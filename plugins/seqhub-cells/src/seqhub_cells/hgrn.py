"""Hierarchically gated recurrent unit (HGRN): a forget gate with a floor, over a state that also turns.

    f  = floor + (1 - floor) sigmoid(W_f x + b_f)    forget gate; floor rises from layer to layer
    c  = silu(W_c x + b_c)                           candidate, complex: its two parts are activated apart
    h' = f exp(i theta) * h + (1 - f) * c            theta is learnt, and does not see the input
    o  = W_o (LN([Re h', Im h']) * silu(W_g x + b_g)) + b_o

Qin et al. 2023, arXiv:2311.04823, section 3; the order of norm and gate is that of the authors' code. theta starts like
rotary angles, 10000^(-2k/H). With `rotate: false` the state is real and theta is 0. Ours differs: the paper learns the
floors of all layers together, as a running sum of softmaxes from 0 up; here each layer is given its own as a number.
Shapes: B batch, T time, D input width, H hidden width, P = 2 H parts (H without rotation); `...` is [B] or [B T].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context, LinearCell, Role, Slot, State
from seqhub.nn.pairs import polar
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input


class HGRNCell(LinearCell):
    """State: h [B H 2], or [B H] without rotation. Output: o [B H]."""

    def __init__(self, d_in: int, *, hidden: int, floor: float = 0.0, rotate: bool = True) -> None:
        at_least(1, hidden=hidden)
        if not 0 <= floor < 1:
            raise ValueError(f"floor is {floor}, expected 0 or more and less than 1")
        parts = 2 * hidden if rotate else hidden
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden, 2) if rotate else (hidden,))})
        self.hidden, self.floor = hidden, floor
        self.complex_slots = frozenset({"h"} if rotate else ())
        self.no_decay = ("theta",) if rotate else ()  # type: ignore[misc]
        self.x_proj = nn.Linear(d_in, hidden + parts)  # rows: [f | c]
        self.gate = nn.Linear(d_in, parts)
        self.norm = nn.LayerNorm(parts)
        self.out = nn.Linear(parts, hidden)
        angles = 10000 ** (-2 * torch.arange(hidden) / hidden)
        self.theta = nn.Parameter(angles) if rotate else None
        for layer in (self.x_proj, self.gate, self.out):
            init_input(layer.weight, 1)
            nn.init.zeros_(layer.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T H+P]
        y: Tensor = self.x_proj(x)
        return y

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        f = self.floor + (1 - self.floor) * torch.sigmoid(p[..., : self.hidden])
        c = F.silu(p[..., self.hidden :])
        if self.theta is None:
            return {"h": (f, (1 - f) * c)}
        turn = polar(torch.zeros_like(self.theta), self.theta)  # [H 2]
        return {"h": (f[..., None] * turn, (1 - f)[..., None] * torch.unflatten(c, -1, (self.hidden, 2)))}

    def emit(self, h: State, p: Tensor) -> Tensor:
        return h["h"] if self.theta is None else h["h"].flatten(-2)  # [... P], re and im of each unit in turn

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.norm(y) * F.silu(self.gate(x)))
        return out

    def roles(self) -> tuple[Role, ...]:
        return (Role("input", "x_proj.weight"), Role("bias", "x_proj.bias"))
