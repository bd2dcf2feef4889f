"""Batch norm over valid steps, as a block. Shapes: B batch, T time, D width."""

from __future__ import annotations

from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, identity, zero_padding
from seqhub_conv.norms import MaskedBatchNorm


class BatchNorm(SequenceLayer):
    """No state; the running statistics are the model's, not the stream's."""

    def __init__(self, d_in: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(d_in, identity(d_in))
        self.norm = MaskedBatchNorm(d_in, momentum=momentum, eps=eps)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        return zero_padding(self.norm(zero_padding(x, lengths), lengths), lengths), lengths, {}
