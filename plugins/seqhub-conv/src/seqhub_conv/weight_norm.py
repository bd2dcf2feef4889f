"""A convolution whose weight is a direction times a length, w = g v / |v|, for each output channel.

Salimans and Kingma 2016, arXiv:1602.07868. A graph needs the product only: `eval()` folds it, and an export takes what
was folded. So after changing parameters by hand, call `eval()` before an export (loading a state dict folds by itself).
Shapes: B batch, D input channels, C output channels, K kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqhub.nn import StepConv1d


class WeightNormConv1d(StepConv1d):
    """`weight` is the direction v [C D K], `gain` is g [C 1 1]; it starts as |v|, so that w starts as v."""

    folded: Tensor

    def __init__(self, d_in: int, channels: int, kernel: int, *, dilation: int = 1) -> None:
        super().__init__(d_in, channels, kernel, dilation=dilation)
        self.gain = nn.Parameter(self._length().detach().clone())
        self.register_buffer("folded", self.weight.detach().clone(), persistent=False)
        self.register_load_state_dict_post_hook(_fold)  # type: ignore[no-untyped-call]

    def match_gain(self) -> None:
        """Set g to |v|: after giving v other first values."""
        with torch.no_grad():
            self.gain.copy_(self._length())
        _fold(self)

    def train(self, mode: bool = True) -> WeightNormConv1d:
        """As of any module; leaving training folds the weight."""
        super().train(mode)
        if not mode:
            _fold(self)
        return self

    def forward(self, input: Tensor) -> Tensor:
        """[B T+ D] -> [B T' C]."""
        weight = self.folded if torch.compiler.is_exporting() else self.gain * self.weight / self._length()
        return self.convolve(input, weight)

    def _length(self) -> Tensor:
        length: Tensor = torch.linalg.vector_norm(self.weight, dim=(1, 2), keepdim=True)
        return length


@torch.no_grad()
def _fold(module: nn.Module, *_: Any) -> None:
    if isinstance(module, WeightNormConv1d):
        module.folded = module.gain * module.weight / module._length()
