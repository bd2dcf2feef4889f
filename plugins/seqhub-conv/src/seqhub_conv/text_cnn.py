"""Convolutions of several widths side by side over the same steps, as for sentences.

    y_t = concat_k activation( W_k x_(t - p_k .. t + f_k) + b_k )          p_k + f_k + 1 = k

Kim 2014, arXiv:1408.5882, up to the pooling over time, which is the task's (`pool: max` is the paper's). Differs: every
step has an output, the windows that reach over the ends included, where words count as zero; the paper has whole
windows only. Shapes: B batch, T time, D input width, C channels of each width, N widths.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqhub.nn import (
    WHOLE,
    Activation,
    Context,
    Memory,
    SequenceLayer,
    State,
    StepConv1d,
    Window,
    make_activation,
    zero_padding,
)
from seqhub_conv.geometry import Padding, conv_geometry, side_by_side


class TextCNN(SequenceLayer):
    """State: one window, the widest; each convolution reads its part."""

    def __init__(
        self,
        d_in: int,
        *,
        channels: int,
        kernels: Sequence[int] = (3, 4, 5),
        padding: Padding = "causal",
        activation: Activation = "relu",
    ) -> None:
        geometries = [conv_geometry(channels, kernel=kernel, padding=padding) for kernel in kernels]
        geometry = side_by_side(geometries)
        window = Window(d_in, past=int(geometry.past), future=int(geometry.future))
        super().__init__(d_in, geometry, window.state)
        self.window = window
        self.convs = nn.ModuleList(StepConv1d(d_in, channels, kernel) for kernel in kernels)
        self.before = [int(geometry.past - own.past) for own in geometries]  # steps of the widest that one leaves out
        self.after = [int(geometry.future - own.future) for own in geometries]
        self.activation = make_activation(activation)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        buffer, out_lengths, next_state = self.window(zero_padding(x, lengths), lengths, state, ctx.end)
        parts = [
            conv(buffer[:, before : buffer.shape[1] - after])
            for conv, before, after in zip(self.convs, self.before, self.after, strict=True)
        ]
        y = self.activation(torch.cat(parts, dim=2))  # [B T' N*C]
        return zero_padding(y, out_lengths), out_lengths, next_state
