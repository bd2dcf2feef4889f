"""Blocks for a part of the batch's rows on each thread, in tensors of the whole batch.

Each part reads and writes its own rows where they are: nothing is copied to be shared out, and what is done once after
the loop has all rows before it. Where a tensor has its rows is seen from the step traced twice, for all of them and for
a part: its shapes differ in one axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from seqhub.nn.engines.blocks import Blocks, Slabs, Tensors
from seqhub.nn.engines.program import Examples, StepProgram
from seqhub.nn.engines.rows import side_by_side

Axes = tuple[int | None, ...]  # of each tensor; None: it is the same for all rows
_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # of a thread
_T = TypeVar("_T")


class RowsNotApart(ValueError):
    """A tensor of the step cannot be told apart by rows."""


class RowAxes(NamedTuple):
    """Which axis has the rows, at one step."""

    shared: Axes
    rooms: Axes
    gradients: Axes
    totals: Axes


def row_axes(whole: StepProgram, part: StepProgram, examples: Examples, parts: int) -> RowAxes:
    """Found by comparing the shapes of both programs. RowsNotApart: some do not tell."""

    def axes(of_all: Tensors, of_part: Tensors) -> Axes:
        if len(of_all) != len(of_part):
            raise RowsNotApart("the step of a part does other things")
        return tuple(_axis(one.shape, other.shape, parts) for one, other in zip(of_all, of_part, strict=True))

    with torch.no_grad():
        shared = axes(_shared(whole, examples), _shared(part, examples.rows(parts)))
    rooms, gradients = axes(whole.rooms, part.rooms), axes(whole.gradients, part.gradients)
    if None in (*axes(whole.flow, part.flow), *rooms, *gradients) or not {*shared} <= {None, 0}:
        raise RowsNotApart("the step takes rows together")
    return RowAxes(shared, rooms, gradients, axes(whole.totals, part.totals))


def _shared(program: StepProgram, examples: Examples) -> list[Tensor]:
    given = [*examples.constants, *examples.parameters]
    return [*given, *program.hoist(*given)]


def _axis(whole: Sequence[int], part: Sequence[int], parts: int) -> int | None:
    axes = [axis for axis, (size, own) in enumerate(zip(whole, part, strict=True)) if size != own]
    if len(axes) > 1 or any(whole[axis] != parts * part[axis] for axis in axes):
        raise RowsNotApart(f"{tuple(whole)} for all rows is {tuple(part)} for one of {parts} parts")
    return axes[0] if axes else None


class Parts:
    """What `Blocks` of the whole batch are, by threads side by side. Raises what the compiler raises, and
    RowsNotApart.
    """

    def __init__(self, whole: StepProgram, part: StepProgram, examples: Examples, steps: int, parts: int) -> None:
        axes = row_axes(whole, part, examples, parts)
        self.parts, self.steps = parts, steps
        self._shared, self._totals = axes.shared, axes.totals
        self._rooms, self._gradients = ([axis + 1 for axis in each if axis is not None] for each in axes[1:3])
        self._y = self._rooms[whole.y]
        slabs = Slabs.of(whole, examples, steps)
        every = [1] * len(slabs.inputs), self._rooms, self._gradients
        first = Slabs(*self._cut(*zip(slabs, every, strict=True))[0])
        self._blocks = Blocks(part, examples.rows(parts), steps, first)

    def forward(self, inputs: Tensors, state: Tensors, shared: Tensors, rooms: Tensors) -> Callable[[], list[Tensor]]:
        """As that of `Blocks`."""
        given = self._cut(
            (inputs, [1] * len(inputs)), (state, [0] * len(state)), (shared, self._shared), (rooms, self._rooms)
        )
        ready = [self._blocks.forward(*own) for own in given]
        return lambda: [torch.cat(values) for values in zip(*_run(ready), strict=True)]

    def backward(
        self, inputs: Tensors, every: Tensors, gy: Tensor, gstate: Tensors, shared: Tensors, gradients: Tensors
    ) -> Callable[[], tuple[list[Tensor], list[Tensor]]]:
        """As that of `Blocks`."""
        given = self._cut(
            (inputs, [1] * len(inputs)),
            (every, self._rooms),
            ([gy], [self._y]),
            (gstate, [0] * len(gstate)),
            (shared, self._shared),
            (gradients, self._gradients),
        )
        ready = [self._blocks.backward(own[0], own[1], own[2][0], *own[3:]) for own in given]

        def run() -> tuple[list[Tensor], list[Tensor]]:
            done = _run(ready)
            first = [torch.cat(values) for values in zip(*(state for state, _ in done), strict=True)]
            sums = zip(zip(*(totals for _, totals in done), strict=True), self._totals, strict=True)
            return first, [torch.stack(own).sum(0) if axis is None else torch.cat(own, axis) for own, axis in sums]

        return run

    def _cut(self, *groups: tuple[Tensors, Sequence[int | None]]) -> list[list[list[Tensor]]]:
        """Of each part, what it has of each group; a group comes with the axes of its tensors."""
        cut = [
            [[t] * self.parts if axis is None else t.chunk(self.parts, axis) for t, axis in zip(*group, strict=True)]
            for group in groups
        ]
        return [[[own[part] for own in group] for group in cut] for part in range(self.parts)]


def _run(functions: Sequence[Callable[[], _T]]) -> list[_T]:
    def below(function: Callable[[], _T]) -> _T:
        with _BelowAutograd():
            return function()

    return side_by_side([partial(below, function) for function in functions])
