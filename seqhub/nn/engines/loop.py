"""A traced step in a loop over time, forwards and backwards, with each weight's gradient in one product at the end.

Where blocks of steps are compiled (`blocks.py`), whole blocks go first and the steps that are left follow one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqhub.nn.engines.blocks import Blocks
from seqhub.nn.engines.program import StepProgram

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
    if not torch.is_grad_enabled():
        return _infer(loop, inputs, state, [*constants, *parameters])
    sizes = (len(inputs), len(state), len(constants))
    y, *last = _Loop.apply(loop, sizes, *inputs, *state, *constants, *parameters)  # type: ignore[no-untyped-call]
    return y, last


def _infer(
    loop: TracedLoop, inputs: list[Tensor], state: Sequence[Tensor], shared: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """The loop alone: nothing is saved."""
    program, blocks, n_state = loop.program, loop.blocks, len(state)
    ys: list[Tensor] = []
    with _BelowAutograd():
        shared = [*shared, *program.hoist(*shared)]
        columns = _columns(inputs, blocks)
        state = _contiguous(state, blocks)
        size, start = _whole(columns, blocks)
        if blocks is not None:
            for t in range(0, start, size):
                results = blocks.forward(_flat(columns[t : t + size]), state, shared)
                ys += results[:: blocks.results]
                state = _last(results, blocks.results, n_state)
        for now in columns[start:]:
            y, *state = program.infer(*now, *state, *shared)
            ys.append(y)
        return torch.stack(ys, dim=1), list(state)


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loop: TracedLoop, sizes: tuple[int, int, int], *flat: Tensor) -> tuple[Tensor, ...]:
        program, blocks = loop.program, loop.blocks
        n_inputs, n_state, _ = sizes
        kept: list[tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]]] = []  # inputs, state, results of a call
        ys: list[Tensor] = []
        with _BelowAutograd():
            shared = list(flat[n_inputs + n_state :])
            shared += program.hoist(*shared)
            columns = _columns(flat[:n_inputs], blocks)
            state: Sequence[Tensor] = _contiguous(flat[n_inputs : n_inputs + n_state], blocks)
            size, start = _whole(columns, blocks)
            if blocks is not None:
                for t in range(0, start, size):
                    now = _flat(columns[t : t + size])
                    results = blocks.forward(now, state, shared)
                    kept.append((now, state, blocks.needed(results)))
                    ys += results[:: blocks.results]
                    state = _last(results, blocks.results, n_state)
            for inputs in columns[start:]:
                y, *rest = program.forward(*inputs, *state, *shared)
                kept.append((inputs, state, rest[n_state:]))
                state = rest[:n_state]
                ys.append(y)
            ctx.loop, ctx.sizes, ctx.kept, ctx.shared = loop, sizes, kept, shared
            # clones: the backward keeps states, and must not keep its own outputs alive
            return (torch.stack(ys, dim=1), *(value.clone() for value in state))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gy: Tensor, *glast: Tensor) -> tuple[Tensor | None, ...]:
        program, blocks, shared, kept = ctx.loop.program, ctx.loop.blocks, ctx.shared, list(ctx.kept)
        n_inputs, n_state, n_constants = ctx.sizes
        n_flow = n_inputs + n_state
        slots = n_inputs + 2 * len(program.factors)
        gstate: Sequence[Any] = glast
        sums: Sequence[Any] = [0.0] * program.n_sums
        with _BelowAutograd():
            columns = [column for (column,) in _columns([gy], blocks)]
            size, start = _whole(columns, blocks)
            found: list[list[Any]] = [[None] * len(columns) for _ in range(slots)]  # inputs' gradients, factors
            for t in range(len(columns) - 1, start - 1, -1):
                now, state, saved = kept.pop()
                out = program.backward(*now, *state, *shared, *saved, columns[t], *gstate)
                flow, cut = out[n_inputs:n_flow], len(out) - program.n_sums
                gstate = [torch.zeros_like(b) if g is None else g for b, g in zip(state, flow, strict=True)]
                for column, value in zip(found, (*out[:n_inputs], *out[n_flow:cut]), strict=True):
                    column[t] = value
                sums = [value + total for value, total in zip(out[cut:], sums, strict=True)]
            if start:
                gstate, sums = _contiguous(gstate, blocks), blocks.totals(sums)
            for t in range(start - size, -1, -size):
                out = blocks.backward(*kept.pop(), columns[t : t + size], gstate, shared, sums)
                for slot, column in enumerate(found):
                    column[t : t + size] = out[slot : slots * size : slots]
                gstate, sums = out[slots * size : slots * size + n_state], out[slots * size + n_state :]
            stacked = _stacked(found)
            gparameters: list[Tensor | None] = [None] * (len(ctx.needs_input_grad) - 2 - n_flow - n_constants)
            for number, (index, transposed) in enumerate(program.factors):
                left, right = (stacked[n_inputs + 2 * number + side] for side in (0, 1))
                weight = left.flatten(0, 1).t() @ right.flatten(0, 1)
                gparameters[index] = weight.t() if transposed else weight
            for index, total in zip(program.sums, program.finish(*sums), strict=True):
                gparameters[index] = total
        return (None, None, *stacked[:n_inputs], *gstate, *([None] * n_constants), *gparameters)


def _columns(sequences: Sequence[Tensor], blocks: Blocks | None) -> list[tuple[Tensor, ...]]:
    """[B T ...] each -> the tensors of every step, contiguous for compiled blocks, which know their strides."""
    rows = [sequence.transpose(0, 1) for sequence in sequences]
    return list(zip(*(row.unbind(0) for row in _contiguous(rows, blocks)), strict=True))


def _contiguous(tensors: Sequence[Tensor], blocks: Blocks | None) -> list[Tensor]:
    return [tensor.contiguous() for tensor in tensors] if blocks is not None else list(tensors)


def _whole(columns: Sequence[Any], blocks: Blocks | None) -> tuple[int, int]:
    """The steps of a block, and the number of steps that whole blocks cover."""
    return (1, 0) if blocks is None else (blocks.steps, len(columns) // blocks.steps * blocks.steps)


def _flat(rows: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [tensor for row in rows for tensor in row]


def _last(results: list[Tensor], width: int, n_state: int) -> list[Tensor]:
    """The state after a block."""
    at = len(results) - width + 1
    return results[at : at + n_state]


def _stacked(columns: list[list[Any]]) -> list[Any]:
    """The tensors of every step -> [B T ...] each; what stands twice (a factor is often an input's gradient) is stacked
    once.
    """
    ends = [(id(column[0]), id(column[-1])) for column in columns]  # one end may be a state given twice
    found: list[Any] = []
    for index, column in enumerate(columns):
        same = [known for known in range(index) if ends[known] == ends[index]]
        if column[0] is None:
            found.append(None)
        else:
            found.append(found[same[0]] if same else torch.stack(column, dim=1))
    return found
