"""SpecAugment: spans of time and of features are zeroed while training, so that no single one can be relied upon.

For each row and each mask: width n drawn from 0 to its most, begin from 0 to length - n, both uniform; Park et al.
2019, arXiv:1904.08779, without time warping. Zero is the mean where a norm stands before. Evaluation changes nothing.
Shapes: B batch, T time, D width, M masks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, identity, zero_padding


class SpecAugment(SequenceLayer):
    """No state: a chunk that trains by itself is masked by itself."""

    def __init__(
        self,
        d_in: int,
        *,
        time_masks: int = 2,
        steps: int = 10,
        share: float = 0.2,
        feature_masks: int = 2,
        features: int = 5,
    ) -> None:
        super().__init__(d_in, identity(d_in))
        self.time_masks, self.steps, self.share = time_masks, steps, share
        self.feature_masks, self.features = feature_masks, features

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        if self.training:
            most = torch.minimum((lengths * self.share).long(), torch.full_like(lengths, self.steps))
            x = x.masked_fill(_spans(self.time_masks, most, lengths, x.shape[1])[:, :, None], 0.0)
            width = torch.full_like(lengths, x.shape[2])
            widest = width.clamp(max=self.features)
            x = x.masked_fill(_spans(self.feature_masks, widest, width, x.shape[2])[:, None, :], 0.0)
        return x, lengths, {}


def _spans(masks: int, most: Tensor, lengths: Tensor, size: int) -> Tensor:
    """Places [B size] that lie in any of `masks` spans of 0 to most [B] places, inside of lengths [B]."""
    draw = torch.rand(2, len(lengths), masks, 1, device=lengths.device)
    width = (draw[0] * (most[:, None, None] + 1)).long()  # [B M 1]
    begin = (draw[1] * (lengths[:, None, None] - width + 1)).long()
    places = torch.arange(size, device=lengths.device)
    inside = (places >= begin) & (places < begin + width)  # [B M size]
    return inside.any(dim=1)
