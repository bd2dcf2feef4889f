"""Project, then let some of the projections look a few steps back: the front of Mamba-2 and of the delta networks.

    [mixed | plain] = W x          mixed = silu(conv(mixed)), depthwise and causal

Shapes: B batch, T time, D input width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, zero_padding
from seqhub.nn.short_conv import ShortConv
from seqhub_cells.arguments import at_least
from seqhub_cells.heads import Joint


class ConvProjection(SequenceLayer):
    """State: the last kernel - 1 steps of the mixed projections. A kernel of 1 looks at no other step.

    mixed, plain: sizes of the projections with and without the convolution; the output is all of them side by side.
    """

    def __init__(
        self, d_in: int, *, mixed: tuple[int, ...], plain: tuple[int, ...], kernel: int, bias: bool = False
    ) -> None:
        at_least(1, conv=kernel)
        conv = ShortConv(sum(mixed), kernel=kernel, activation="silu", bias=bias)
        self.sizes = [*mixed, *plain]
        super().__init__(d_in, conv.geometry.with_width(sum(self.sizes)), conv.state)
        self.joint = Joint(d_in, *mixed, *plain)
        self.conv = conv
        self.mixed = len(mixed)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        parts = self.joint(zero_padding(x, lengths))
        mixed = torch.cat(parts[: self.mixed], dim=-1)
        mixed, _, next_state = self.conv(mixed, lengths, state, None, ctx)
        return torch.cat((mixed, *parts[self.mixed :]), dim=-1), lengths, next_state
