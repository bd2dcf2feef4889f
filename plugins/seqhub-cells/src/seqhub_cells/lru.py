"""Linear recurrent unit: a diagonal complex state that turns and decays at fixed, learnt rates.

    lambda = exp(-exp(nu) + i exp(theta))            one per state, inside the unit circle whatever nu and theta
    h'     = lambda * h + exp(gamma) * (B x)         complex
    y      = Re(C h') + D x

Orvieto et al. 2023, arXiv:2303.06349, sections 3.2 to 3.4. lambda starts uniform by area on the ring between r_min and
r_max, its angle uniform up to max_phase, exp(gamma) at sqrt(1 - |lambda|^2), so that h is of the size of B x; B and C
start normal with variance 1/(2 D) and 1/N a part. D is a full matrix, as in the paper's definition of a state-space
model, so that H may differ from the input's width; published code keeps its diagonal.
Shapes: B batch, T time, D input width, N states, H hidden (output) width; a last axis of 2 is (re, im).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqhub.nn import Context, LinearCell, Role, Slot, State
from seqhub.nn.pairs import conjugate, polar
from seqhub_cells.arguments import at_least


class LRUCell(LinearCell):
    """State: h [B N 2]. Output: y [B H]."""

    complex_slots = frozenset({"h"})
    no_decay = ("nu", "theta", "gamma")

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        states: int = 64,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
    ) -> None:
        at_least(1, hidden=hidden, states=states)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(f"r_min is {r_min} and r_max is {r_max}, expected 0 <= r_min < r_max <= 1")
        if not 0 < max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase is {max_phase}, expected more than 0 and at most 2 pi")
        super().__init__(d_in, output_size=hidden, state={"h": Slot((states, 2))})
        self.states = states
        area = torch.empty(states).uniform_(r_min**2, r_max**2).clamp(1e-6, 1 - 1e-6)  # |lambda|^2
        phase = torch.empty(states).uniform_(max_phase / 1e4, max_phase)
        self.nu = nn.Parameter((-0.5 * area.log()).log())
        self.theta = nn.Parameter(phase.log())
        self.gamma = nn.Parameter(0.5 * torch.log1p(-area))
        self.b = nn.Linear(d_in, 2 * states, bias=False)  # rows: [re, im] of each state in turn
        self.c = nn.Parameter(torch.randn(hidden, states, 2) / math.sqrt(states))
        self.skip = nn.Linear(d_in, hidden, bias=False)
        nn.init.normal_(self.b.weight, std=1 / math.sqrt(2 * d_in))
        nn.init.normal_(self.skip.weight, std=1 / math.sqrt(d_in))

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T N 2]
        return self.b(x).unflatten(-1, (self.states, 2)) * self.gamma.exp()[:, None]  # type: ignore[no-any-return]

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        return {"h": (polar(-self.nu.exp(), self.theta.exp()), p)}  # [N 2], [... N 2]

    def emit(self, h: State, p: Tensor) -> Tensor:
        return h["h"].flatten(-2) @ conjugate(self.c).flatten(1).T  # Re(C h) = C_re h_re - C_im h_im

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        skip: Tensor = self.skip(x)
        return y + skip

    def roles(self) -> tuple[Role, ...]:
        radius = Role("diagonal", "nu", write=lambda kept: (-kept.log()).log())
        return (radius, Role("input", "b.weight"))
