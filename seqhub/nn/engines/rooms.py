"""Where a traced loop puts what is wanted of all steps: tensors [T B ...], of which each step, or block of steps, is
handed its piece to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor


class Source(NamedTuple):
    """Where the tensors of all steps are found: among the inputs, the states before each step, the results of the
    forward (by column), or the gradients of the backward.
    """

    kind: Literal["input", "state", "result", "gradient"]
    number: int


class Room(NamedTuple):
    """A result or gradient that is wanted of all steps, by its column, and what it is at one step."""

    column: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    is_state: bool = False

    def tensor(self, length: int, like: Tensor) -> Tensor:
        """Room for so many steps, on the device of `like`."""
        return like.new_empty((length, *self.shape), dtype=self.dtype)


class Rooms:
    """The results of all steps, and the inputs that they came of, [T B ...] each. For states the first one is there
    too, before all others.
    """

    def __init__(self, rooms: Sequence[Room], inputs: Sequence[Tensor], state: Sequence[Tensor]) -> None:
        self.inputs = inputs
        self.every = [room.tensor(len(inputs[0]) + room.is_state, state[0]) for room in rooms]
        for room, tensor in zip(rooms, self.every, strict=True):
            if room.is_state:
                tensor[0] = state[room.column - 1]
        self.after = [tensor[1:] if room.is_state else tensor for room, tensor in zip(rooms, self.every, strict=True)]
        self._number = {room.column: number for number, room in enumerate(rooms)}

    def find(self, source: Source, gradients: Sequence[Tensor]) -> Tensor:
        """The tensors of all steps at a source."""
        if source.kind == "result":
            return self.after[self._number[source.number]]
        if source.kind == "state":
            return self.every[self._number[1 + source.number]][:-1]
        return (self.inputs if source.kind == "input" else gradients)[source.number]
