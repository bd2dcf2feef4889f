"""The loop over time in compiled blocks (`blocks.py`). The steps after the last whole block run one by one, by the same
functions uncompiled. Time is the outer axis of everything: [T B ...], contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from seqhub.nn.engines.blocks import Blocks
from seqhub.nn.engines.rooms import Rooms


def infer_blocks(
    blocks: Blocks, inputs: Sequence[Tensor], state: Sequence[Tensor], shared: list[Tensor]
) -> tuple[Tensor, Sequence[Tensor]]:
    """inputs [T B ...] -> y [T B O], last state. What only a backward reads is written over, block by block."""
    program, length = blocks.program, len(inputs[0])
    scratch = [room.tensor(blocks.steps, state[0]) for room in program.rooms]
    y = program.rooms[program.y].tensor(length, state[0])
    for start, steps in _pieces(length, blocks.steps):
        rooms = _cut(scratch, 0, steps)
        rooms[program.y] = y[start : start + steps]
        state = blocks.forward(steps, _cut(inputs, start, steps), state, shared, rooms)
    return y, state


def forward_blocks(blocks: Blocks, rooms: Rooms, state: Sequence[Tensor], shared: list[Tensor]) -> Sequence[Tensor]:
    """The last state; rooms are written."""
    for start, steps in _pieces(len(rooms.inputs[0]), blocks.steps):
        now, after = _cut(rooms.inputs, start, steps), _cut(rooms.after, start, steps)
        state = blocks.forward(steps, now, state, shared, after)
    return state


def backward_blocks(
    blocks: Blocks, rooms: Rooms, shared: list[Tensor], gy: Tensor, gstate: Sequence[Tensor], gradients: list[Tensor]
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """gy [T B O] -> the gradient of the first state, the totals; gradients are written."""
    totals: Sequence[Tensor] = blocks.zeros
    states = [room.is_state for room in blocks.program.rooms]
    for start, steps in reversed(_pieces(len(gy), blocks.steps)):
        found = [value[start : start + steps + more] for value, more in zip(rooms.every, states, strict=True)]
        now, out = _cut(rooms.inputs, start, steps), _cut(gradients, start, steps)
        gstate, totals = blocks.backward(steps, now, found, gy[start : start + steps], gstate, shared, totals, out)
    return gstate, totals


def _cut(tensors: Sequence[Tensor], start: int, steps: int) -> list[Tensor]:
    return [tensor[start : start + steps] for tensor in tensors]


def _pieces(length: int, steps: int) -> list[tuple[int, int]]:
    """Where each piece begins, and its steps: whole blocks, and then single steps."""
    whole = length // steps * steps
    return [(start, steps) for start in range(0, whole, steps)] + [(start, 1) for start in range(whole, length)]
