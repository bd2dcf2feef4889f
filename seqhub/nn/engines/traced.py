"""A traced step over time, forwards and backwards, with each weight's gradient in one product at the end.

Time is the outer axis of everything here: [T B ...], one piece a step. What is wanted of all steps is written there by
the step itself; what one step's backward needs of its forward is kept as it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqhub.nn.engines.blocks import Blocks
from seqhub.nn.engines.parts import Parts
from seqhub.nn.engines.program import StepProgram
from seqhub.nn.engines.rooms import Rooms
from seqhub.nn.engines.rows import threads_for


class Passed(NamedTuple):
    """What a forward pass leaves for its backward. known: of each step, where nothing is compiled."""

    shared: list[Tensor]
    rooms: Rooms
    known: list[Any]


class Gradients(NamedTuple):
    """By the inputs [T B ...], the first state [B ...], and the parameters that the step uses."""

    inputs: list[Tensor | None]
    state: list[Tensor]
    parameters: list[Tensor]


@dataclass(frozen=True)
class TracedLoop:
    """A traced step, and blocks of it where they are compiled."""

    program: StepProgram
    blocks: Blocks | Parts | None = None

    @property
    def parts(self) -> int:
        """How many threads share the rows of a batch."""
        return 1 if self.blocks is None else self.blocks.parts

    def infer(
        self, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """inputs [T B ...] -> y [T B O], the last state: the loop alone, of which nothing is kept."""
        with self._threads():
            shared = self._shared(constants, parameters)
            if self.blocks is not None:
                return self._infer_blocks(self.blocks, _contiguous(inputs), _contiguous(state), shared)
            y = self.program.rooms[self.program.y].tensor(len(inputs[0]), state[0])
            for now, room in zip(_steps(inputs), y.unbind(0), strict=True):
                state = [*self.program.infer(*now, *state, *shared, room)]
            return y, state

    def forward(
        self, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
    ) -> tuple[Passed, Tensor, list[Tensor]]:
        """inputs [T B ...] -> what `backward` needs, y [T B O], the last state."""
        known: list[Any] = []
        with self._threads():
            shared = self._shared(constants, parameters)
            if self.blocks is not None:
                rooms = Rooms(self.program.rooms, _contiguous(inputs), state)
                last = self.blocks.forward(rooms.inputs, _contiguous(state), shared, rooms.after)()
            else:
                rooms = Rooms(self.program.rooms, inputs, state)
                last = _forward(self.program, rooms, state, shared, known)
        return Passed(shared, rooms, known), rooms.after[self.program.y], last

    def backward(self, passed: Passed, gy: Tensor, glast: list[Tensor]) -> Gradients:
        """gy [T B O], glast [B ...]. What is done once after the loop has all threads again."""
        program = self.program
        gradients = [room.tensor(len(gy), gy) for room in program.gradients]
        with self._threads():
            if self.blocks is not None:
                gys, last, rooms = gy.contiguous(), _contiguous(glast), passed.rooms
                gstate, totals = self.blocks.backward(rooms.inputs, rooms.every, gys, last, passed.shared, gradients)()
            else:
                gstate, totals = _backward(program, passed, gy, glast, gradients)
        rows = [passed.rooms.find(source, gradients).flatten(0, 1) for source in program.factors]
        of_parameters = list(program.finish(*passed.shared, *rows, *totals))
        of_inputs = [None if number is None else gradients[number] for number in program.of_inputs]
        return Gradients(of_inputs, gstate, of_parameters)

    def _threads(self) -> AbstractContextManager[None]:
        """Of the loop itself; parts have theirs."""
        return nullcontext() if self.parts > 1 else threads_for(self.program.work, self.parts)

    def _infer_blocks(
        self, blocks: Blocks | Parts, inputs: list[Tensor], state: list[Tensor], shared: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """What only a backward reads is written over, block by block."""
        rooms = [room.tensor(blocks.steps, state[0]) for room in self.program.rooms]
        y = rooms[self.program.y] = self.program.rooms[self.program.y].tensor(len(inputs[0]), state[0])
        return y, blocks.forward(inputs, state, shared, rooms)()

    def _shared(self, constants: list[Tensor], parameters: list[Tensor]) -> list[Tensor]:
        """What all steps share: as given, and what is computed of it once."""
        shared = [*constants, *parameters]
        return [*shared, *self.program.hoist(*shared)]


def _forward(
    program: StepProgram, rooms: Rooms, state: Sequence[Tensor], shared: list[Tensor], known: list[Any]
) -> list[Tensor]:
    """The last state. known: filled with the state before each step and what is kept of its results."""
    n_state = len(state)
    for now, row in zip(_steps(rooms.inputs), _steps(rooms.after), strict=True):
        results = program.forward(*now, *state, *shared, *row)
        known.append((state, [results[column] for column in program.kept]))
        state = results[1 : 1 + n_state]
    return list(state)


def _backward(
    program: StepProgram, passed: Passed, gy: Tensor, gstate: Sequence[Any], gradients: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The gradient of the first state, the totals; gradients are written."""
    n_state = len(gstate)
    totals: Sequence[Any] = [0.0] * len(program.totals)
    rows = _steps(gradients) or [()] * len(gy)
    steps = zip(_steps(passed.rooms.inputs), passed.known, gy.unbind(0), rows, strict=True)
    for now, (state, kept), gy_now, row in reversed(list(steps)):
        out = program.backward(*now, *state, *passed.shared, *kept, gy_now, *gstate, *row)
        gstate = [torch.zeros_like(b) if g is None else g for b, g in zip(state, out, strict=False)]
        totals = [value + total for value, total in zip(out[n_state:], totals, strict=True)]
    return list(gstate), list(totals)


def _contiguous(tensors: Sequence[Tensor]) -> list[Tensor]:
    """For compiled blocks, which know their strides."""
    return [tensor.contiguous() for tensor in tensors]


def _steps(sequences: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """[T B ...] each -> the tensors of every step."""
    return list(zip(*(sequence.unbind(0) for sequence in sequences), strict=True))
