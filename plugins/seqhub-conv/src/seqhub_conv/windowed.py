"""A convolution over the windows of a stream, with what follows it: norm, activation, dropout.

Shapes: B batch, T time, D input width, C channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from seqhub.nn import WHOLE, Context, Geometry, Memory, SequenceLayer, State, Window, zero_padding
from seqhub_conv.norms import StepNorm


class WindowedConv(SequenceLayer):
    """State: the last inputs of the window, and with stride or look-ahead how many of them wait."""

    def __init__(
        self,
        d_in: int,
        geometry: Geometry,
        conv: nn.Module,
        *,
        norm: StepNorm | None = None,
        activation: nn.Module | None = None,
    ) -> None:
        """conv: [B T+ D] -> [B T' C], without padding of its own.  activation: on [B T' C]."""
        window = Window(d_in, past=int(geometry.past), future=int(geometry.future), stride=geometry.block)
        super().__init__(d_in, geometry, window.state)
        self.window, self.conv, self.norm = window, conv, norm
        self.activation = nn.Identity() if activation is None else activation

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        buffer, out_lengths, next_state = self.window(zero_padding(x, lengths), lengths, state, ctx.end)
        y = self.conv(buffer)  # [B T+ D] -> [B T' C]
        if self.norm is not None:
            y = self.norm(y, out_lengths)
        return zero_padding(self.activation(y), out_lengths), out_lengths, next_state
