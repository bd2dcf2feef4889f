"""Attending to another sequence: its padding, softmax over what is real, and a recurrent cell that looks at it.

A decoder with attention is a cell whose step also sees a memory. The author writes that one step (`AttendingCell`);
`Attending` runs it over the target's steps with the engine of every other cell: whole targets, chunks, single steps
of a search and both ONNX graphs.

A padded step of the memory weighs nothing, and a memory of length 0 gives zeros, never NaN, gradients included.
Shapes: B batch, T target steps, S memory steps, E memory width, A width of a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqhub.geometry import INF, Geometry
from seqhub.nn.cell import Cell, Projected
from seqhub.nn.engines import run_steps
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import valid_steps, zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State

ALIGNMENT = Slot((), over_memory=True)  # [B S]: how much of each memory step the last output was made of


class Seen(NamedTuple):
    """A memory as a step sees it: values [B S E], zero on padding; keys, what the cell made of them once for all
    steps; real [B S], 1 where there is a step and 0 on padding (numbers: a boolean does not survive the exporter).
    """

    values: Tensor
    keys: Tensor
    real: Tensor


class AttendingCell(nn.Module):
    """A cell that sees a memory. The author gives `look`, and `project`, `keys` and `readout` for what is the same at
    every step. Its alignment, where it keeps one, is the slot `alignment`.
    """

    def __init__(self, d_in: int, *, memory_width: int, output_size: int, state: Mapping[str, Slot]) -> None:
        super().__init__()
        self.d_in, self.memory_width, self.output_size = d_in, memory_width, output_size
        self.state: dict[str, Slot] = dict(state)

    def project(self, x: Tensor) -> Projected:
        """Time-free work before the loop: [B T D] -> [B T ...], or a tuple."""
        return x

    def keys(self, values: Tensor) -> Tensor:
        """What queries are compared with, once a call: [B S E] -> [B S A]."""
        return values

    def look(self, p: Projected, state: State, seen: Seen) -> tuple[Tensor, State]:
        """One step, pure: projected input [B ...], state [B ...] -> y [B Y] and the new state."""
        raise NotImplementedError(f"{type(self).__name__} does not define look")

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        """Time-free work after the loop: y [B T Y], x [B T D] -> [B T O]."""
        return y


class Attending(SequenceLayer):
    """An attending cell over the steps of x. State: the cell's own slots."""

    def __init__(self, cell: AttendingCell) -> None:
        super().__init__(cell.d_in, Geometry(width=cell.output_size, past=INF), cell.state)
        self.cell, self.attends_to = cell, cell.memory_width

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        values, real = read_memory(memory, self.attends_to)
        seen = Seen(values, self.cell.keys(values), real.to(values.dtype))
        valid = valid_steps(lengths, x.shape[1])
        # Not traced: a program is made for one shape, and memories are of a new length batch by batch.
        y, next_state = run_steps(_Bound(self.cell, seen), self.cell.project(x), state, valid, ctx, traced=False)
        return zero_padding(self.cell.readout(y, x), lengths), lengths, next_state

    def alignments(self, x: Tensor, lengths: Tensor, state: State, memory: Memory) -> Tensor:
        """What each output was made of, [B T S]: row by row the alignment after each step, zero on padding.

        KeyError where the cell keeps no alignment. It runs `forward` step by step: for pictures, not for training.
        """
        found = []
        for t in range(x.shape[1]):
            _, _, state = self(x[:, t : t + 1], (lengths - t).clamp(0, 1), state, memory)
            found.append(state["alignment"])
        return zero_padding(torch.stack(found, dim=1), lengths)


class _Bound(Cell):
    """An attending cell with the memory of one call: an ordinary step cell, as the engine runs it."""

    def __init__(self, inner: AttendingCell, seen: Seen) -> None:
        super().__init__(inner.d_in, output_size=inner.output_size, state=inner.state)
        self.inner, self.seen = inner, seen

    def step(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        return self.inner.look(p, state, self.seen)


def read_memory(memory: Memory | None, width: int) -> tuple[Tensor, Tensor]:
    """values [B S E] with zeros on padding, real [B S] bool. ValueError without a memory, or for another width."""
    if memory is None:
        raise ValueError(f"this layer attends to another sequence: give memory=Memory(values [B S {width}], lengths)")
    if memory.values.shape[-1] != width:
        raise ValueError(f"memory values are {memory.values.shape[-1]} wide, expected {width}")
    real = valid_steps(memory.lengths, memory.values.shape[1])
    return zero_padding(memory.values, memory.lengths), real


def masked_softmax(scores: Tensor, real: Tensor) -> Tensor:
    """Softmax over the last axis of what is real (bool, or numbers 0 and 1); all zeros where nothing is."""
    mask = real if real.dtype == torch.bool else real > 0.5
    low = torch.finfo(scores.dtype).min  # finite: the gradient of a row of minus infinities is NaN
    weights = torch.softmax(torch.where(mask, scores, torch.full_like(scores, low)), dim=-1)
    return torch.where(mask, weights, torch.zeros_like(weights))
