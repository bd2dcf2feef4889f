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
) -> tuple[Tensor, list[Tensor]]:
    """inputs [T B ...] -> y [T B O], last state. What only a backward reads is written over, block by block."""
    program, length, size = blocks.program, len(inputs[0]), blocks.steps
    scratch = [room.tensor(size, state[0]) for room in program.rooms]
    y = program.rooms[program.y].tensor(length, state[0])
    for now, row in zip(_pieces(inputs, length, size), _pieces([y], length, size), strict=True):
        steps = len(row[0])
        rooms = scratch if steps == size else [tensor[:steps] for tensor in scratch]
        state = blocks.forward(steps, now, state, shared, [*rooms[: program.y], *row, *rooms[program.y + 1 :]])
    return y, list(state)


def forward_blocks(blocks: Blocks, rooms: Rooms, state: Sequence[Tensor], shared: list[Tensor]) -> list[Tensor]:
    """The last state; rooms are written."""
    length, size = len(rooms.inputs[0]), blocks.steps
    for now, after in zip(_pieces(rooms.inputs, length, size), _pieces(rooms.after, length, size), strict=True):
        state = blocks.forward(len(now[0]), now, state, shared, after)
    return list(state)


def backward_blocks(
    blocks: Blocks, rooms: Rooms, shared: list[Tensor], gy: Tensor, gstate: Sequence[Tensor], gradients: list[Tensor]
) -> tuple[list[Tensor], Sequence[Tensor]]:
    """gy [T B O] -> the gradient of the first state, the totals; gradients are written."""
    totals: Sequence[Tensor] = blocks.zeros
    length, size = len(gy), blocks.steps
    more = [int(room.is_state) for room in blocks.program.rooms]  # the state before the piece is there too
    pieces = zip(
        _pieces(rooms.inputs, length, size),
        _pieces(rooms.every, length, size, more),
        _pieces([gy], length, size),
        _pieces(gradients, length, size),
        strict=True,
    )
    for now, found, (gys,), out in reversed(list(pieces)):
        gstate, totals = blocks.backward(len(gys), now, found, gys, gstate, shared, totals, out)
    return list(gstate), totals


def _pieces(tensors: Sequence[Tensor], length: int, size: int, more: Sequence[int] = ()) -> list[tuple[Tensor, ...]]:
    """Of every piece the tensors' parts: whole blocks, and then single steps; each so many steps longer, where `more`
    says so. All at once, because a loop that cuts as it goes pays for each cut.
    """
    whole = length // size
    if not tensors:
        return [()] * (whole + length % size)
    columns: list[list[Tensor]] = []
    for tensor, extra in zip(tensors, more or [0] * len(tensors), strict=True):
        step, *strides = tensor.stride()
        blocks = tensor.as_strided((whole, size + extra, *tensor.shape[1:]), (size * step, step, *strides))
        singles = [tensor[start : start + 1 + extra] for start in range(whole * size, length)]
        columns.append([*blocks.unbind(0), *singles])
    return list(zip(*columns, strict=True))
