"""ConvLSTM over a row of positions: an LSTM whose matrices are convolutions.

    i = sigmoid(W_i * x + b_i + U_i * h + p_i . c)       * a convolution over positions, . elementwise
    f = sigmoid(W_f * x + b_f + U_f * h + p_f . c)
    g = tanh(W_g * x + b_g + U_g * h)
    c' = f . c + i . g
    o = sigmoid(W_o * x + b_o + U_o * h + p_o . c')
    h' = o . tanh(c')

Shi et al. 2015, arXiv:1506.04214, equation 3, with one axis of positions in place of two: a step of D numbers is read
as D / W channels by W positions, channel by channel (so with W = D it is one channel: a scan line, a spectrum), and
the output is `hidden` channels by W positions in the same order. Peepholes start at zero, the forget bias at 1.
Shapes: B batch, T time, D input width, W positions, C hidden channels, J input channels, K kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Role, Slot, State
from seqhub_cells.arguments import at_least, divides
from seqhub_cells.init import init_input, init_recurrent


class ConvLSTMCell(Cell):
    """State: h, c [B C W]. Output: h as [B C*W]."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        positions: int,
        kernel: int = 3,
        peephole: bool = True,
        forget_bias: float = 1.0,
    ) -> None:
        at_least(1, hidden=hidden, positions=positions, kernel=kernel)
        divides("positions", positions, "the input width", d_in)
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}, expected an odd number, so that it has a middle")
        slot = Slot((hidden, positions))
        super().__init__(d_in, output_size=hidden * positions, state={"h": slot, "c": slot})
        self.hidden, self.positions = hidden, positions
        padding = kernel // 2
        self.x_conv = nn.Conv1d(d_in // positions, 4 * hidden, kernel, padding=padding)  # channels: [i | f | g | o]
        self.h_conv = nn.Conv1d(hidden, 4 * hidden, kernel, padding=padding, bias=False)
        self.peephole = nn.Parameter(torch.zeros(3, hidden, positions)) if peephole else None  # [p_i | p_f | p_o]
        init_input(self.x_conv.weight, 4)
        init_recurrent(self.h_conv.weight, 4)
        bias = self.x_conv.bias
        if bias is not None:
            nn.init.zeros_(bias)
            nn.init.constant_(bias.data[hidden : 2 * hidden], forget_bias)

    def project(self, x: Tensor) -> Tensor:  # [B T D] -> [B T 4C W]
        batch, steps = x.shape[0], x.shape[1]
        pictures = x.reshape(-1, self.d_in // self.positions, self.positions)  # [B*T J W]
        y: Tensor = self.x_conv(pictures)
        return y.reshape(batch, steps, 4 * self.hidden, self.positions)

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        c = state["c"]
        i, f, g, o = (p + self.h_conv(state["h"])).chunk(4, dim=1)  # 4 x [B C W]
        if self.peephole is not None:
            i, f = i + self.peephole[0] * c, f + self.peephole[1] * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        if self.peephole is not None:
            o = o + self.peephole[2] * c
        h = torch.sigmoid(o) * torch.tanh(c)
        return h.flatten(1), {"h": h, "c": c}

    def roles(self) -> tuple[Role, ...]:
        forget, let_in = (self.hidden, 2 * self.hidden), (0, self.hidden)
        return (
            Role("input", "x_conv.weight", blocks=4),
            Role("recurrent", "h_conv.weight", blocks=4),
            Role("bias", "x_conv.bias"),
            Role("forget", "x_conv.bias", rows=forget),
            Role("input-gate", "x_conv.bias", rows=let_in),
        )
