"""A traced loop under autograd. Time is the outer axis of everything inside: [T B ...]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqhub.nn.engines.traced import TracedLoop

_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # nothing inside records; skip asking at every call


def run_loop(
    loop: TracedLoop, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """inputs: each [B T ...]; state, constants, parameters as traced -> y [B T O], the last state."""
    inputs = [value.transpose(0, 1) for value in inputs]
    if torch.is_grad_enabled():
        sizes = (len(inputs), len(state), len(constants))
        y, *last = _Loop.apply(loop, sizes, *inputs, *state, *constants, *parameters)  # type: ignore[no-untyped-call]
        return y.transpose(0, 1), last
    with _BelowAutograd():
        y, last = loop.infer(inputs, state, constants, parameters)
        return y.transpose(0, 1), last


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loop: TracedLoop, sizes: tuple[int, int, int], *flat: Tensor) -> tuple[Tensor, ...]:
        rest = iter(flat)
        inputs, state, constants = ([next(rest) for _ in range(size)] for size in sizes)
        with _BelowAutograd():
            ctx.passed, y, last = loop.forward(inputs, state, constants, list(rest))
            y, last = y.detach(), [value.clone() for value in last]  # the backward must not keep its own outputs alive
        ctx.loop, ctx.sizes = loop, sizes
        ctx.save_for_backward(y)  # its memory may be that of a kept state: a change in place must not go unseen
        return (y, *last)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gy: Tensor, *glast: Tensor) -> tuple[Tensor | None, ...]:
        ctx.saved_tensors  # noqa: B018  raises where y was changed
        loop, (n_inputs, n_state, n_constants) = ctx.loop, ctx.sizes
        with _BelowAutograd():
            found = loop.backward(ctx.passed, gy, list(glast))
        n_parameters = len(ctx.needs_input_grad) - 2 - n_inputs - n_state - n_constants
        of_parameters: list[Tensor | None] = [None] * n_parameters
        for index, value in zip(loop.program.parameters, found.parameters, strict=True):
            of_parameters[index] = value
        return (None, None, *found.inputs, *found.state, *([None] * n_constants), *of_parameters)
