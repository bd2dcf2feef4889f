"""Real-gated linear recurrent unit (RG-LRU), the recurrence of Griffin and RecurrentGemma.

    r  = sigmoid(W_a x + b_a)                        recurrence gate
    i  = sigmoid(W_x x + b_x)                        input gate
    a  = sigmoid(L)^(c r),  c = 8                    decay, one L per channel
    h' = a * h + sqrt(1 - a^2) * (i * x)

De et al. 2024, arXiv:2402.19427, equations 1 to 4 and section 2.4. Both gates are block-diagonal over `heads`. L starts
so that sigmoid(L)^c, the fastest decay, is uniform between 0.9 and 0.999. Griffin puts a linear layer and a short
convolution before it: in a recipe, `linear` and `depthwise`. Where D and H differ, a linear layer brings x to H first.
Shapes: B batch, T time, D input width, H hidden width, N heads, W = H / N; `...` is [B] or [B T].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context, LinearCell, Role, Slot, State
from seqhub_cells.arguments import at_least, divides

SHARPNESS = 8.0  # the paper's c
SLOWEST, FASTEST = 0.999, 0.9  # decay per step at r = 1


class RGLRUCell(LinearCell):
    """State: h [B H]. Output: h."""

    no_decay = ("decay", "gate_bias")

    def __init__(self, d_in: int, *, hidden: int, heads: int = 1) -> None:
        at_least(1, hidden=hidden, heads=heads)
        divides("heads", heads, "hidden", hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.heads = heads
        width = hidden // heads
        self.x_proj = nn.Linear(d_in, hidden) if d_in != hidden else None
        self.gates = nn.Parameter(torch.randn(heads, width, 2 * width) / width**0.5)  # columns: [r | i]
        self.gate_bias = nn.Parameter(torch.zeros(heads, 2 * width))
        fastest = torch.empty(hidden).uniform_(FASTEST, SLOWEST)
        self.decay = nn.Parameter(torch.logit(fastest ** (1 / SHARPNESS)))  # [H], the paper's Lambda

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [B T D] -> x [B T H], gates [B T N 2W]
        u = self.x_proj(x) if self.x_proj is not None else x
        heads = u.unflatten(-1, (self.heads, -1))  # [B T N W]
        gates = torch.einsum("btnw,nwv->btnv", heads, self.gates) + self.gate_bias
        return u, gates

    def coeffs(self, p: tuple[Tensor, Tensor], ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        u, gates = p
        r, i = (torch.sigmoid(gate).flatten(-2) for gate in gates.chunk(2, dim=-1))  # 2 x [... H]
        log_a = SHARPNESS * F.logsigmoid(self.decay) * r
        # 1 - a^2 without cancellation near a = 1; never 0, where the root has no gradient.
        scale = (-torch.expm1(2 * log_a)).clamp(min=1e-12).sqrt()
        return {"h": (log_a.exp(), scale * i * u)}

    def emit(self, h: State, p: tuple[Tensor, Tensor]) -> Tensor:
        return h["h"]

    def roles(self) -> tuple[Role, ...]:
        # At zero input r is 1/2, and sigmoid(L)^(c / 2) of a unit stays.
        decay = Role("diagonal", "decay", write=lambda kept: torch.logit(kept ** (2 / SHARPNESS)))
        return (decay,) if self.x_proj is None else (decay, Role("input", "x_proj.weight"))
