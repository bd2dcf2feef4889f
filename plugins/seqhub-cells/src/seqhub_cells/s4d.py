"""S4D: each input channel drives its own diagonal state-space system; a gated layer mixes the channels afterwards.

    a  = exp(s L),  g = (a - 1) / L                  L = -exp(rate) + i frequency, N a channel; s its step size
    h' = a * h + g * x                               complex, N states a channel
    y  = 2 Re(sum_n C_n h'_n) + d * x
    o  = GLU(W gelu(y) + b)

Gu et al. 2022, arXiv:2206.11893, sections 3 and 4.1: zero-order hold, B folded into C, exponential real part. The
spectrum starts as `legs` (HiPPO-LegS's normal part), `lin` or `inv`; s log-uniform between dt_min and dt_max; C and d
normal. With elapsed times s is multiplied by them. The paper trains L and s slower than the rest, and without decay.
Shapes: B batch, T time, D input width, N states, H hidden (output) width; a last axis of 2 is (re, im).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context, LinearCell, Slot, State
from seqhub.nn.pairs import conjugate
from seqhub_cells.arguments import at_least, one_of
from seqhub_cells.ssm import Spectrum, log_uniform, s4d_frequencies, zero_order_hold


class S4DCell(LinearCell):
    """State: h [B D N 2]. Output: o [B H]."""

    complex_slots = frozenset({"h"})
    no_decay = ("log_rate", "frequency", "log_dt", "d")

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        states: int = 32,
        spectrum: Spectrum = "legs",
        dt_min: float = 1e-3,
        dt_max: float = 0.1,
    ) -> None:
        at_least(1, hidden=hidden, states=states)
        one_of("spectrum", spectrum, ("legs", "lin", "inv"))
        if not 0 < dt_min < dt_max:
            raise ValueError(f"dt_min is {dt_min} and dt_max is {dt_max}, expected 0 < dt_min < dt_max")
        super().__init__(d_in, output_size=hidden, state={"h": Slot((d_in, states, 2))})
        self.log_rate = nn.Parameter(torch.full((d_in, states), math.log(0.5)))
        self.frequency = nn.Parameter(s4d_frequencies(spectrum, states).float().repeat(d_in, 1))
        self.log_dt = nn.Parameter(log_uniform(dt_min, dt_max, d_in))
        self.c = nn.Parameter(torch.randn(d_in, states, 2) * math.sqrt(0.5))
        self.d = nn.Parameter(torch.randn(d_in))
        self.mix = nn.Linear(d_in, 2 * hidden)

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        step = self.log_dt.exp() if ctx.dt is None else self.log_dt.exp() * ctx.dt  # [D] or [... D]
        a, gain = zero_order_hold(self.log_rate, self.frequency, step[..., None])  # [D N 2] or [... D N 2] each
        return {"h": (a, gain * p[..., None, None])}

    def emit(self, h: State, p: Tensor) -> Tensor:
        return 2 * torch.einsum("...dnk,dnk->...d", h["h"], conjugate(self.c))  # [... D]

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        out: Tensor = F.glu(self.mix(F.gelu(y + self.d * x)), dim=-1)
        return out
