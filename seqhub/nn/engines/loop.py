"""A traced step in a loop over time, forwards and backwards, with each weight's gradient in one product at the end."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqhub.nn.engines.program import StepProgram

_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # nothing inside records; skip asking at every call


def run_program(
    program: StepProgram, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """inputs: each [T B ...]; state, constants, parameters as traced -> y [T B O], the last state."""
    if not torch.is_grad_enabled():
        return _infer(program, inputs, state, [*constants, *parameters])
    sizes = (len(inputs), len(state), len(constants))
    y, *last = _Loop.apply(program, sizes, *inputs, *state, *constants, *parameters)  # type: ignore[no-untyped-call]
    return y, last


def _infer(
    program: StepProgram, inputs: list[Tensor], state: list[Tensor], shared: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """The loop alone: nothing is saved."""
    with _BelowAutograd():
        given, ys = (*shared, *program.hoist(*shared)), []
        for now in zip(*(sequence.unbind(0) for sequence in inputs), strict=True):
            y, *state = program.infer(*now, *state, *given)
            ys.append(y)
        return torch.stack(ys), state


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, program: StepProgram, sizes: tuple[int, int, int], *flat: Tensor) -> tuple[Tensor, ...]:
        n_inputs, n_state, _ = sizes
        sequences, state = flat[:n_inputs], flat[n_inputs : n_inputs + n_state]
        shared = flat[n_inputs + n_state :]
        shared = (*shared, *program.hoist(*shared))
        step, kept, ys = program.forward, [], []
        with _BelowAutograd():
            for now in zip(*(sequence.unbind(0) for sequence in sequences), strict=True):
                y, *rest = step(*now, *state, *shared)
                kept.append((now, state, rest[n_state:]))
                state = tuple(rest[:n_state])
                ys.append(y)
        ctx.program, ctx.sizes, ctx.kept, ctx.shared = program, sizes, kept, shared
        # clones: the backward keeps states, and must not keep its own outputs alive
        return (torch.stack(ys), *(value.clone() for value in state))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gy: Tensor, *gstate: Tensor) -> tuple[Tensor | None, ...]:
        program: StepProgram = ctx.program
        n_inputs, n_state, n_constants = ctx.sizes
        n_flow = n_inputs + n_state
        n_factors = 2 * len(program.factors)
        shared, steps = ctx.shared, len(ctx.kept)
        ginputs: list[list[Any]] = [[None] * steps for _ in range(n_inputs)]
        factors: list[list[Any]] = [[None] * steps for _ in range(n_factors)]
        sums: list[Tensor | None] = [None] * len(program.sums)
        columns, step = gy.unbind(0), program.backward
        with _BelowAutograd():
            for t in range(steps - 1, -1, -1):
                now, state, saved = ctx.kept[t]
                out = step(*now, *state, *shared, *saved, columns[t], *gstate)
                for index in range(n_inputs):
                    ginputs[index][t] = out[index]
                gstate = tuple(
                    torch.zeros_like(before) if grad is None else grad
                    for before, grad in zip(state, out[n_inputs:n_flow], strict=True)
                )
                for index in range(n_factors):
                    factors[index][t] = out[n_flow + index]
                for index, grad in enumerate(out[n_flow + n_factors :]):
                    total = sums[index]
                    sums[index] = grad if total is None or grad is None else total + grad
        stacked = [None if column[0] is None else torch.stack(column) for column in ginputs]
        gparameters: list[Tensor | None] = [None] * (len(ctx.needs_input_grad) - 2 - n_flow - n_constants)
        for number, (index, transposed) in enumerate(program.factors):
            left, right = (_joined(factors[2 * number + side], ginputs, stacked) for side in (0, 1))
            weight = left.flatten(0, 1).t() @ right.flatten(0, 1)
            gparameters[index] = weight.t() if transposed else weight
        for index, total in zip(program.sums, sums, strict=True):
            gparameters[index] = total
        return (None, None, *stacked, *gstate, *([None] * n_constants), *gparameters)


def _joined(column: list[Tensor], columns: list[list[Tensor]], stacked: list[Tensor | None]) -> Tensor:
    """The column stacked over time; often it is the gradient of an input, which is stacked already."""
    for known, stack in zip(columns, stacked, strict=True):
        if stack is not None and known[0] is column[0]:
            return stack
    return torch.stack(column)
