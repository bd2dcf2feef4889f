"""Mamba: a diagonal state-space system a channel, whose step size, input and output read the input (S6).

    x, z = W_in u;   x = silu(conv(x))               short causal convolution, K taps a channel
    s    = softplus(W_s (V_s x) + b_s)               step size, one a channel, through a bottleneck of R
    B, C = W_B x, W_C x                              N numbers each, shared by all channels
    h'   = exp(s A) * h + (s x) B,   A = -exp(A_log) one state of N a channel
    o    = W_out ((C . h' + D x) * silu(z))

Gu and Dao 2023, arXiv:2312.00752, algorithm 2 and figure 3. A starts at -1 ... -N, softplus(b_s) log-uniform between
1e-3 and 0.1, D at 1; the paper decays none of A_log, D and b_s. E = expand * H channels; H is also the output width,
which in the paper is the input's.
Shapes: B batch, T time, D input width, E channels, N states, R rank, K kernel, H hidden (output) width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import WHOLE, Context, LinearCell, Memory, SequenceLayer, Slot, State, window_geometry, zero_padding
from seqhub.nn.short_conv import ShortConv
from seqhub_cells.arguments import at_least
from seqhub_cells.ssm import log_uniform


class MambaInlet(SequenceLayer):
    """u -> x and z side by side: [B T D] -> [B T 2E], x convolved. State: the convolution's last K - 1 inputs."""

    def __init__(self, d_in: int, *, channels: int, kernel: int) -> None:
        conv = ShortConv(channels, kernel=kernel)
        super().__init__(d_in, window_geometry(2 * channels, kernel=kernel), conv.state)
        self.conv = conv
        self.proj = nn.Linear(d_in, 2 * channels, bias=False)  # rows: [x | z]

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x, z = self.proj(zero_padding(x, lengths)).chunk(2, dim=-1)
        x, _, next_state = self.conv(x, lengths, state, None, ctx)
        return torch.cat((x, zero_padding(z, lengths)), dim=-1), lengths, next_state


class MambaCell(LinearCell):
    """State: h [B E N], inlet.x [B K-1 E]. Output: o [B H]."""

    no_decay = ("a_log", "d", "dt_bias")

    def __init__(
        self, d_in: int, *, hidden: int, states: int = 16, expand: int = 2, kernel: int = 4, rank: int | None = None
    ) -> None:
        at_least(1, hidden=hidden, states=states, expand=expand, kernel=kernel, rank=1 if rank is None else rank)
        channels, rank = expand * hidden, math.ceil(hidden / 16) if rank is None else rank
        inlet = MambaInlet(d_in, channels=channels, kernel=kernel)
        super().__init__(d_in, output_size=hidden, state={"h": Slot((channels, states))}, inlet=inlet)
        self.split = (rank, states, states)
        self.channels = channels
        self.x_proj = nn.Linear(channels, rank + 2 * states, bias=False)  # rows: [V_s | B | C]
        self.dt_proj = nn.Linear(rank, channels, bias=False)
        dt = log_uniform(1e-3, 0.1, channels).exp()
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))  # softplus of it is dt
        self.a_log = nn.Parameter(torch.arange(1, states + 1).float().log().repeat(channels, 1))
        self.d = nn.Parameter(torch.ones(channels))
        self.out = nn.Linear(channels, hidden, bias=False)
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # [B T 2E] -> x, s [B T E], B, C [B T N]
        x = x[..., : self.channels]
        bottleneck, b, c = self.x_proj(x).split(self.split, dim=-1)
        return x, self.dt_proj(bottleneck), b, c

    def coeffs(self, p: tuple[Tensor, ...], ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        x, dt, b, _ = p
        step = F.softplus(dt + self.dt_bias)  # [... E]
        a = torch.exp(step[..., None] * -self.a_log.exp())  # [... E N]
        return {"h": (a, (step * x)[..., None] * b[..., None, :])}

    def emit(self, h: State, p: tuple[Tensor, ...]) -> Tensor:
        x, _, _, c = p
        return (h["h"] @ c[..., None])[..., 0] + self.d * x  # [... E]

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.out(y * F.silu(x[..., self.channels :]))
        return out
