"""An input beside a short convolution of itself: for cells whose keys look a few steps back and whose values do not.

Shapes: B batch, T time, D input width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, zero_padding
from seqhub.nn.short_conv import ShortConv
from seqhub_cells.arguments import at_least


class WithConv(SequenceLayer):
    """[silu(conv(x)) | x]. State: the last kernel - 1 inputs."""

    def __init__(self, d_in: int, *, kernel: int) -> None:
        at_least(1, conv=kernel)
        conv = ShortConv(d_in, kernel=kernel, activation="silu")
        super().__init__(d_in, conv.geometry.with_width(2 * d_in), conv.state)
        self.conv = conv

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        mixed, _, next_state = self.conv(x, lengths, state, None, ctx)
        return torch.cat((mixed, x), dim=-1), lengths, next_state
