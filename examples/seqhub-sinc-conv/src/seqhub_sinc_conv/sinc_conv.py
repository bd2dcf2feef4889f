"""Sinc convolution: each filter is a band-pass whose two cut-off frequencies are all that it learns.

    g[n] = w[n] * ( 2 f2 sinc(2 f2 n) - 2 f1 sinc(2 f1 n) )        sinc(x) = sin(pi x) / (pi x)
    y_t  = sum_n g[n] x[t - (K - 1) + n]                           f1 = |low|, f2 = f1 + |band|

Ravanelli and Bengio 2018, arXiv:1808.00158, eq. 4 to 8; w is the Hamming window, frequencies are shares of the sampling
rate. Here causal, and every input column passes through every filter. The first bands are even on the mel scale in the
paper; here they are even in frequency, since a recipe's data need not be sound.
Shapes: B batch, T time, D input width, F filters, K kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, Window, window_geometry, zero_padding


class SincConv(SequenceLayer):
    """State: the last inputs of the window, and with a stride how many of them wait."""

    def __init__(self, d_in: int, *, filters: int, kernel: int, stride: int = 1) -> None:
        geometry = window_geometry(d_in * filters, kernel=kernel, stride=stride)
        window = Window(d_in, past=int(geometry.past), stride=stride)
        super().__init__(d_in, geometry, window.state)
        self.window, self.stride, self.filters = window, stride, filters
        edges = torch.linspace(0.01, 0.49, filters + 1)
        self.low, self.band = nn.Parameter(edges[:-1].clone()), nn.Parameter(edges.diff())
        at = torch.arange(kernel) - (kernel - 1) / 2  # [K], symmetric about 0
        self.register_buffer("at", at, persistent=False)
        self.register_buffer("hamming", torch.hamming_window(kernel, periodic=False), persistent=False)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        buffer, out_lengths, next_state = self.window(x, lengths, state, ctx.end)
        taps = self.taps().repeat(self.d_in, 1)[:, None]  # [D*F 1 K]
        y = functional.conv1d(buffer.mT, taps, stride=self.stride, groups=self.d_in).mT  # [B T' D*F]
        return zero_padding(y, out_lengths), out_lengths, next_state

    def taps(self) -> Tensor:
        """The filters [F K]."""
        low = self.low.abs()[:, None]  # [F 1]
        high = low + self.band.abs()[:, None]
        ideal = 2 * high * torch.sinc(2 * high * self.at) - 2 * low * torch.sinc(2 * low * self.at)
        return ideal * self.hamming
