"""Items of different lengths, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset


@dataclass(frozen=True, eq=False)
class Item:
    """One example: x [T D] float32, its target, and its position in the split."""

    x: Tensor
    target: Tensor
    index: Tensor


class Items(Dataset[Item]):
    """The items of one split."""

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")


@dataclass(frozen=True, eq=False)
class Batch:
    """x [B T D] float32, zero behind each row's length; lengths [B] int64; target [B ...]; index [B] int64."""

    x: Tensor
    lengths: Tensor
    target: Tensor
    index: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same on another device."""
        return Batch(self.x.to(device), self.lengths.to(device), self.target.to(device), self.index.to(device))


def collate(items: list[Item]) -> Batch:
    """Pad to the longest of these items."""
    return Batch(
        x=torch.nn.utils.rnn.pad_sequence([item.x for item in items], batch_first=True),
        lengths=torch.tensor([len(item.x) for item in items]),
        target=torch.stack([item.target for item in items]),
        index=torch.stack([item.index for item in items]),
    )
