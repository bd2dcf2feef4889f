"""Heads beside the linear one: what brings a model's last features to the task's outputs, step by step.

Shapes: B batch, T time, D width of the last block, O outputs of a step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.geometry import identity
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.pointwise import Activation, make_activation
from seqhub.nn.state import WHOLE, Context, Memory, State


class PerceptronHead(SequenceLayer):
    """y = W2 activation(W1 x + b1) + b2, with small first outputs: an untrained model answers with the mean."""

    def __init__(self, d_in: int, d_out: int, *, hidden: int = 64, activation: Activation = "gelu") -> None:
        super().__init__(d_in, identity(d_out))
        self.inner = nn.Linear(d_in, hidden)
        self.activation = make_activation(activation)
        self.outer = nn.Linear(hidden, d_out)
        with torch.no_grad():
            self.outer.weight.mul_(0.1)
            self.outer.bias.zero_()

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        y = self.outer(self.activation(self.inner(zero_padding(x, lengths))))  # [B T D] -> [B T O]
        return zero_padding(y, lengths), lengths, {}
