"""Gated dilated convolutions with residual and skip outputs.

    h_0 = W x + b
    z_i = tanh( F_i * h_i ) . sigmoid( G_i * h_i )            * causal, dilation 2^i, . elementwise
    h_(i+1) = h_i + R_i z_i + r_i                              not after the last layer
    y = relu( sum_i S_i z_i + s_i )

van den Oord et al. 2016, arXiv:1609.03499, without conditioning; the paper's two last 1x1 convolutions are `linear`
blocks after this one. `stacks` repeats the dilations 1, 2, .. 2^(layers - 1).
Shapes: B batch, T time, D input width, C channels of h and z, S skip channels.
"""

from __future__ import annotations

import operator
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import (
    WHOLE,
    Context,
    Memory,
    SequenceLayer,
    Slot,
    State,
    StepConv1d,
    Window,
    window_geometry,
    zero_padding,
)
from seqhub.nn.state import prefixed, substate


class WaveNet(SequenceLayer):
    """State: the last (kernel - 1) * dilation steps of every h_i."""

    def __init__(
        self, d_in: int, *, channels: int, skip: int, kernel: int = 2, layers: int = 4, stacks: int = 1
    ) -> None:
        if layers < 1 or stacks < 1:
            raise ValueError(f"layers is {layers} and stacks is {stacks}, expected 1 or more")
        dilations = [2**i for _ in range(stacks) for i in range(layers)]
        windows = [Window(channels, past=(kernel - 1) * dilation) for dilation in dilations]
        slots: dict[str, Slot] = {}
        for i, window in enumerate(windows):
            slots.update(prefixed(f"layer{i}", window.state))
        reach = sum((kernel - 1) * dilation for dilation in dilations)
        super().__init__(d_in, window_geometry(skip, kernel=reach + 1), slots)
        self.windows = windows
        self.input = nn.Linear(d_in, channels)
        self.gates = nn.ModuleList(StepConv1d(channels, 2 * channels, kernel, dilation=d) for d in dilations)
        self.residuals = nn.ModuleList(nn.Linear(channels, channels) for _ in dilations[1:])
        self.skips = nn.ModuleList(nn.Linear(channels, skip) for _ in dilations)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        h = zero_padding(self.input(zero_padding(x, lengths)), lengths)
        next_state: State = {}
        skipped: list[Tensor] = []
        for i, (window, gate, skip) in enumerate(zip(self.windows, self.gates, self.skips, strict=True)):
            buffer, _, kept = window(h, lengths, substate(state, f"layer{i}"), ctx.end)
            next_state.update(prefixed(f"layer{i}", kept))
            value, opening = gate(buffer).chunk(2, dim=-1)  # 2 x [B T C]
            z = torch.tanh(value) * torch.sigmoid(opening)
            skipped.append(skip(z))
            if i < len(self.residuals):
                h = zero_padding(h + self.residuals[i](z), lengths)
        return zero_padding(F.relu(reduce(operator.add, skipped)), lengths), lengths, next_state
