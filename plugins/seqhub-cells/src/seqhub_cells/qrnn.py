"""Quasi-recurrent network: a causal convolution over the input computes the gates, a pooling runs over time.

    z = tanh(W_z * X)    f, o, i = sigmoid(W * X)    each over the last K inputs x_(t-K+1) ... x_t
    f-pooling     h' = f * h + (1 - f) * z
    fo-pooling    c' = f * c + (1 - f) * z,  output o * c'
    ifo-pooling   c' = f * c + i * z,        output o * c'

Bradbury et al. 2017, arXiv:1611.01576, equations 1 to 5. `zoneout` keeps a channel of the state for a step by f = 1
(section 2.1): at random in training, as its mean in evaluation, so that the two agree on average.
Shapes: B batch, T time, D input width, K kernel, H hidden width, G gates; `...` is [B] or [B T].
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqhub.nn import (
    WHOLE,
    Context,
    LinearCell,
    Memory,
    Role,
    SequenceLayer,
    Slot,
    State,
    Window,
    window_geometry,
    zero_padding,
)
from seqhub.nn.padding import like_steps
from seqhub.nn.short_conv import drop_before_reset, same_segment
from seqhub_cells.arguments import at_least, one_of
from seqhub_cells.init import init_input

Pooling = Literal["f", "fo", "ifo"]


class RecentInputs(SequenceLayer):
    """The last K inputs of each step side by side, the oldest first: [B T D] -> [B T K*D]. State: K - 1 inputs."""

    def __init__(self, d_in: int, *, kernel: int) -> None:
        window = Window(d_in, past=kernel - 1)
        super().__init__(d_in, window_geometry(kernel * d_in, kernel=kernel), window.state)
        self.window, self.kernel = window, kernel

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        buffer, _, next_state = self.window(x, lengths, state, ctx.end)
        taps = [buffer[:, i : i + x.shape[1]] for i in range(self.kernel)]  # K x [B T D]
        if ctx.reset is not None:
            masks = same_segment(ctx.reset, self.kernel)
            taps = [torch.where(like_steps(m, x), tap, torch.zeros_like(x)) for m, tap in zip(masks, taps, strict=True)]
            next_state = {name: drop_before_reset(kept, lengths, ctx.reset) for name, kept in next_state.items()}
        return zero_padding(torch.cat(taps, dim=-1), lengths), lengths, next_state


class QRNNCell(LinearCell):
    """State: h [B H], the pooled memory (the paper's c); inlet.x [B K-1 D]. Output: h, or o * h."""

    def __init__(
        self, d_in: int, *, hidden: int, kernel: int = 2, pooling: Pooling = "fo", zoneout: float = 0.0
    ) -> None:
        at_least(1, hidden=hidden, kernel=kernel)
        one_of("pooling", pooling, ("f", "fo", "ifo"))
        if not 0 <= zoneout < 1:
            raise ValueError(f"zoneout is {zoneout}, expected 0 or more and less than 1")
        inlet = RecentInputs(d_in, kernel=kernel) if kernel > 1 else None
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))}, inlet=inlet)
        self.hidden, self.pooling, self.zoneout = hidden, pooling, zoneout
        gates = 1 + len(pooling)
        self.x_proj = nn.Linear(kernel * d_in, gates * hidden)  # rows: [z | f | o | i], as many as there are
        init_input(self.x_proj.weight, gates)
        nn.init.zeros_(self.x_proj.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T K*D] -> [B T G*H]
        y: Tensor = self.x_proj(x)
        return y

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        gates = p.chunk(1 + len(self.pooling), dim=-1)  # G x [... H]
        z, f = torch.tanh(gates[0]), torch.sigmoid(gates[1])
        write = torch.sigmoid(gates[3]) if self.pooling == "ifo" else 1 - f
        if self.zoneout:
            kept = torch.rand_like(f) < self.zoneout if self.training else torch.full_like(f, self.zoneout)
            f, write = f + kept * (1 - f), write - kept * write
        return {"h": (f, write * z)}

    def emit(self, h: State, p: Tensor) -> Tensor:
        if self.pooling == "f":
            return h["h"]
        return torch.sigmoid(p.chunk(1 + len(self.pooling), dim=-1)[2]) * h["h"]

    def roles(self) -> tuple[Role, ...]:
        return (
            Role("input", "x_proj.weight", blocks=1 + len(self.pooling)),
            Role("bias", "x_proj.bias"),
            Role("forget", "x_proj.bias", rows=(self.hidden, 2 * self.hidden)),
        )
