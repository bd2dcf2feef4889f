"""Items of different lengths, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

IGNORED = -100  # the target of a step that has none: what torch's losses leave out


@dataclass(frozen=True, eq=False)
class Item:
    """One example: x [T D], numbers (float32) or ids (int64), its target, and its position in the split.

    carry: it goes on where the item in the same row of the batch before ended, in that row's state.
    """

    x: Tensor
    target: Tensor
    index: Tensor
    carry: bool = False


class Items(Dataset[Item]):
    """The items of one split. With `train.workers` they go to other processes: they hold arrays and plain values, no
    function without a name and no open file, and an item depends on itself, `epoch` and its own seed alone.
    """

    epoch = 0

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")

    def begin(self, epoch: int) -> None:
        """From now on items are those of this epoch, where they differ between epochs."""
        self.epoch = epoch


@dataclass(frozen=True, eq=False)
class Batch:
    """x [B T D], zero behind each row's length; lengths [B] int64; target [B ...]; index [B] int64.

    target_lengths: [B] int64; targets of one size are all of one length, others are `IGNORED` behind their own.
    carry: every row goes on from the state in which the batch before left it.
    """

    x: Tensor
    lengths: Tensor
    target: Tensor
    index: Tensor
    target_lengths: Tensor
    carry: bool = False

    def to(self, device: torch.device | str) -> Batch:
        """The same on another device."""
        tensors = (self.x, self.lengths, self.target, self.index, self.target_lengths)
        x, lengths, target, index, target_lengths = (tensor.to(device) for tensor in tensors)
        return Batch(x, lengths, target, index, target_lengths, self.carry)


def collate(items: list[Item]) -> Batch:
    """Pad to the longest of these items, and to the longest of their targets. Raises ValueError where some items carry
    a state and others do not.
    """
    if len({item.carry for item in items}) > 1:
        raise ValueError("a batch goes on from the one before in every row, or in none")
    return Batch(
        x=torch.nn.utils.rnn.pad_sequence([item.x for item in items], batch_first=True),
        lengths=torch.tensor([len(item.x) for item in items]),
        target=_targets([item.target for item in items]),
        index=torch.stack([item.index for item in items]),
        target_lengths=torch.tensor([len(item.target) if item.target.dim() else 1 for item in items]),
        carry=items[0].carry,
    )


def _targets(targets: list[Tensor]) -> Tensor:
    if len({target.shape for target in targets}) == 1:
        return torch.stack(targets)
    return torch.nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=IGNORED)
