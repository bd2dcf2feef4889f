"""Segment embedding: every `length` steps become one vector.

    y_j = activation( W [x_(jL), .. x_(jL + L - 1)] + b )

Lin et al. 2023 (SegRNN), arXiv:2308.11200, equation 2. Shapes: B batch, T time, D input width.
"""

from __future__ import annotations

from seqhub.nn import Activation
from seqhub_conv.conv1d import Conv1d


class Segments(Conv1d):
    """State: the steps of the segment that is not complete, and how many they are."""

    def __init__(
        self, d_in: int, *, width: int, length: int, activation: Activation = "relu", bias: bool = True
    ) -> None:
        super().__init__(d_in, channels=width, kernel=length, stride=length, activation=activation, bias=bias)
