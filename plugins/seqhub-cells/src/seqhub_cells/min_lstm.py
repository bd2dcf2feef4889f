"""minLSTM: an LSTM whose gates do not read the state and share one budget, so that it runs in parallel over time.

    f, i = sigmoid(W x + b)                          forget and input gate
    f', i' = f / (f + i), i / (f + i)
    h'   = f' * h + i' * (W_h x + b_h)

Feng et al. 2024, arXiv:2410.01201, section 3.2.3. No nonlinearity on the candidate, as in the paper's plain form; the
quotient is computed as sigmoid(log f - log i), which no gate near 0 can upset. The forget bias starts at 1.
Shapes: B batch, T time, D input width, H hidden width; `...` is [B] or [B T].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Context, LinearCell, Role, Slot, State
from seqhub_cells.arguments import at_least
from seqhub_cells.init import init_input


class MinLSTMCell(LinearCell):
    """State: h [B H]. Output: h."""

    def __init__(self, d_in: int, *, hidden: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        at_least(1, hidden=hidden)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.x_proj = nn.Linear(d_in, 3 * hidden, bias=bias)  # rows: [f | i | candidate]
        init_input(self.x_proj.weight, 3)
        if bias:
            nn.init.zeros_(self.x_proj.bias)
            nn.init.constant_(self.x_proj.bias.data[:hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 3H]
        y: Tensor = self.x_proj(x)
        return y

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        f, i, candidate = p.chunk(3, dim=-1)  # 3 x [... H]
        odds = F.logsigmoid(f) - F.logsigmoid(i)
        return {"h": (torch.sigmoid(odds), torch.sigmoid(-odds) * candidate)}

    def emit(self, h: State, p: Tensor) -> Tensor:
        return h["h"]

    def roles(self) -> tuple[Role, ...]:
        weight = Role("input", "x_proj.weight", blocks=3)
        if self.x_proj.bias is None:
            return (weight,)
        return (weight, Role("bias", "x_proj.bias"))
