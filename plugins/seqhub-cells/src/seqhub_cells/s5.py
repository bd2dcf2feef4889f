"""S5: one state-space system over all channels at once, in the basis where its state matrix is diagonal.

    a  = exp(s L),  g = (a - 1) / L                  L = -exp(rate) + i frequency, s one step size a state
    h' = a * h + g * (B x)                           complex, N states
    y  = 2 Re(C h') + D x

Smith et al. 2023, arXiv:2208.04933, section 3: zero-order hold, conjugate pairs kept once. The state matrix starts
block-diagonal, each of `blocks` blocks the normal part of HiPPO-LegS; B and C are drawn real, normal with variance 1
over their fan-in, and turned into its eigenbasis; s starts log-uniform between dt_min and dt_max. With elapsed times s
is multiplied by them, as in the paper's pendulum task. Ours differs: the real part is -exp(rate), so that no state can
grow, and D is a full matrix. The paper trains L, B and s slower than the rest, and without decay.
Shapes: B batch, T time, D input width, N states, H hidden (output) width; a last axis of 2 is (re, im).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqhub.nn import Context, LinearCell, Slot, State
from seqhub.nn.pairs import conjugate, from_complex, multiply
from seqhub_cells.arguments import at_least, divides
from seqhub_cells.ssm import hippo_normal, log_uniform, zero_order_hold


class S5Cell(LinearCell):
    """State: h [B N 2]. Output: y [B H]."""

    complex_slots = frozenset({"h"})
    no_decay = ("log_rate", "frequency", "log_dt", "b")

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        states: int = 32,
        blocks: int = 1,
        dt_min: float = 1e-3,
        dt_max: float = 0.1,
    ) -> None:
        at_least(1, hidden=hidden, states=states, blocks=blocks)
        divides("blocks", blocks, "states", states)
        if not 0 < dt_min < dt_max:
            raise ValueError(f"dt_min is {dt_min} and dt_max is {dt_max}, expected 0 < dt_min < dt_max")
        super().__init__(d_in, output_size=hidden, state={"h": Slot((states, 2))})
        self.states = states
        frequency, vectors = hippo_normal(2 * states // blocks)  # [N / blocks], [2N / blocks, N / blocks]
        basis = torch.block_diag(*[vectors] * blocks)  # type: ignore[no-untyped-call]  # [2N N]
        real_b = torch.randn(2 * states, d_in, dtype=torch.float64) / math.sqrt(d_in)
        real_c = torch.randn(hidden, 2 * states, dtype=torch.float64) / math.sqrt(2 * states)
        self.log_rate = nn.Parameter(torch.full((states,), math.log(0.5)))
        self.frequency = nn.Parameter(frequency.repeat(blocks).float())
        self.log_dt = nn.Parameter(log_uniform(dt_min, dt_max, states))
        self.b = nn.Parameter(from_complex(basis.mH @ real_b.to(basis.dtype)).float())  # [N D 2]
        self.c = nn.Parameter(from_complex(real_c.to(basis.dtype) @ basis).float())  # [H N 2]
        self.skip = nn.Linear(d_in, hidden, bias=False)
        nn.init.normal_(self.skip.weight, std=1 / math.sqrt(d_in))

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T N 2]
        rows = self.b.transpose(1, 2).flatten(0, 1)  # [N*2 D]
        return torch.unflatten(x @ rows.T, -1, (self.states, 2))

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        step = self.log_dt.exp() if ctx.dt is None else self.log_dt.exp() * ctx.dt  # [N] or [... N]
        a, gain = zero_order_hold(self.log_rate, self.frequency, step)  # [N 2] or [... N 2] each
        return {"h": (a, multiply(gain, p))}

    def emit(self, h: State, p: Tensor) -> Tensor:
        return 2 * (h["h"].flatten(-2) @ conjugate(self.c).flatten(1).T)  # 2 Re(C h) = 2 (C_re h_re - C_im h_im)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        skip: Tensor = self.skip(x)
        return y + skip
