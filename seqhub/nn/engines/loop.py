"""A traced step in a loop over time, forwards and backwards, with each weight's gradient in one product at the end.

Time is the outer axis of everything here: [T B ...], one piece a step. What is wanted of all steps is written there by
the step itself; what one step's backward needs of its forward is kept as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqhub.nn.engines.blocks import Blocks
from seqhub.nn.engines.blockwise import backward_blocks, forward_blocks, infer_blocks
from seqhub.nn.engines.program import StepProgram
from seqhub.nn.engines.rooms import Rooms

FEWEST_MULTIPLY_ADDS = 2**20  # of a step that is worth sharing among threads: meeting costs them some microseconds
_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # nothing inside records; skip asking at every call


@dataclass(frozen=True)
class TracedLoop:
    """A traced step, and blocks of it where they are compiled."""

    program: StepProgram
    blocks: Blocks | None = None


def run_loop(
    loop: TracedLoop, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """inputs: each [B T ...]; state, constants, parameters as traced -> y [B T O], the last state."""
    inputs = [value.transpose(0, 1) for value in inputs]
    if torch.is_grad_enabled():
        sizes = (len(inputs), len(state), len(constants))
        y, *last = _Loop.apply(loop, sizes, *inputs, *state, *constants, *parameters)  # type: ignore[no-untyped-call]
        return y.transpose(0, 1), last
    with _BelowAutograd(), threads_for(loop.program.work):
        shared = [*constants, *parameters]
        shared += loop.program.hoist(*shared)
        if loop.blocks is None:
            y, last = _infer(loop.program, inputs, state, shared)
        else:
            columns, state = (_contiguous(tensors, loop.blocks) for tensors in (inputs, state))
            y, last = infer_blocks(loop.blocks, columns, state, shared)
    return y.transpose(0, 1), list(last)


@contextmanager
def threads_for(work: int) -> Iterator[None]:
    """One thread for a step with little to share."""
    threads = torch.get_num_threads()
    if threads == 1 or work >= FEWEST_MULTIPLY_ADDS:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loop: TracedLoop, sizes: tuple[int, int, int], *flat: Tensor) -> tuple[Tensor, ...]:
        program, (n_inputs, n_state, _) = loop.program, sizes
        inputs, state = flat[:n_inputs], flat[n_inputs : n_inputs + n_state]
        with _BelowAutograd(), threads_for(program.work):
            shared = list(flat[n_inputs + n_state :])
            shared += program.hoist(*shared)
            rooms = Rooms(program.rooms, _contiguous(inputs, loop.blocks), state)
            if loop.blocks is None:
                last, known = _forward(program, rooms, state, shared)
            else:
                last, known = forward_blocks(loop.blocks, rooms, _contiguous(state, loop.blocks), shared), None
            y = rooms.after[program.y]
            last = [value.clone() for value in last]  # the backward must not keep its own outputs alive
        ctx.loop, ctx.sizes, ctx.shared, ctx.rooms, ctx.known = loop, sizes, shared, rooms, known
        ctx.save_for_backward(y)  # its memory may be that of a kept state: a change in place must not go unseen
        return (y, *last)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gy: Tensor, *glast: Tensor) -> tuple[Tensor | None, ...]:
        ctx.saved_tensors  # noqa: B018  raises where y was changed
        loop, (n_inputs, n_state, n_constants), shared = ctx.loop, ctx.sizes, ctx.shared
        program: StepProgram = loop.program
        with _BelowAutograd():
            gradients = [room.tensor(len(gy), gy) for room in program.gradients]
            with threads_for(program.work):
                if loop.blocks is None:
                    gstate, totals = _backward(program, ctx.rooms, ctx.known, shared, gy, glast, gradients)
                else:
                    gys, gstate = gy.contiguous(), _contiguous(glast, loop.blocks)
                    gstate, totals = backward_blocks(loop.blocks, ctx.rooms, shared, gys, gstate, gradients)
            n_parameters = len(ctx.needs_input_grad) - 2 - n_inputs - n_state - n_constants
            gparameters: list[Tensor | None] = [None] * n_parameters
            rows = [ctx.rooms.find(source, gradients).flatten(0, 1) for source in program.factors]
            for index, total in zip(program.parameters, program.finish(*shared, *rows, *totals), strict=True):
                gparameters[index] = total
            ginputs = [None if number is None else gradients[number] for number in program.of_inputs]
        return (None, None, *ginputs, *gstate, *([None] * n_constants), *gparameters)


def _infer(
    program: StepProgram, inputs: Sequence[Tensor], state: Sequence[Tensor], shared: list[Tensor]
) -> tuple[Tensor, Sequence[Tensor]]:
    """The loop alone: nothing is kept. inputs [T B ...] -> y [T B O], last state."""
    y = program.rooms[program.y].tensor(len(inputs[0]), state[0])
    for now, room in zip(_steps(inputs), y.unbind(0), strict=True):
        state = program.infer(*now, *state, *shared, room)
    return y, state


def _forward(
    program: StepProgram, rooms: Rooms, state: Sequence[Tensor], shared: list[Tensor]
) -> tuple[Sequence[Tensor], list[Any]]:
    """The last state, and for the backward the state before each step and what is kept of its results."""
    n_state = len(state)
    known: list[tuple[Sequence[Tensor], list[Tensor]]] = []
    for now, row in zip(_steps(rooms.inputs), _steps(rooms.after), strict=True):
        results = program.forward(*now, *state, *shared, *row)
        known.append((state, [results[column] for column in program.kept]))
        state = results[1 : 1 + n_state]
    return state, known


def _backward(
    program: StepProgram,
    rooms: Rooms,
    known: Sequence[Any],
    shared: list[Tensor],
    gy: Tensor,
    gstate: Sequence[Any],
    gradients: list[Tensor],
) -> tuple[Sequence[Any], Sequence[Any]]:
    """gy [T B O] -> the gradient of the first state, the totals; gradients are written."""
    n_state = len(gstate)
    totals: Sequence[Any] = [0.0] * program.n_totals
    steps = zip(_steps(rooms.inputs), known, gy.unbind(0), _steps(gradients) or [()] * len(gy), strict=True)
    for now, (state, kept), gy_now, row in reversed(list(steps)):
        out = program.backward(*now, *state, *shared, *kept, gy_now, *gstate, *row)
        gstate = [torch.zeros_like(b) if g is None else g for b, g in zip(state, out, strict=False)]
        totals = [value + total for value, total in zip(out[n_state:], totals, strict=True)]
    return gstate, totals


def _contiguous(tensors: Sequence[Tensor], blocks: Blocks | None) -> list[Tensor]:
    """Contiguous for compiled blocks, which know their strides."""
    return [tensor.contiguous() for tensor in tensors] if blocks is not None else list(tensors)


def _steps(sequences: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """[T B ...] each -> the tensors of every step."""
    return list(zip(*(sequence.unbind(0) for sequence in sequences), strict=True))
