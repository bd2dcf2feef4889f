"""A traced loop under autograd, and the threads that share it: each a part of the batch's rows, where it is compiled.

Time is the outer axis of everything here: [T B ...].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from seqhub.nn.engines.rows import side_by_side
from seqhub.nn.engines.traced import TracedLoop

_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # nothing inside records; skip asking at every call
_T = TypeVar("_T")


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
        done = _run([partial(loop.infer, *part) for part in _parts(loop, inputs, state, constants, parameters)])
        y = _whole([y for y, _ in done], 1)
        return y.transpose(0, 1), _wholes([last for _, last in done])


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loop: TracedLoop, sizes: tuple[int, int, int], *flat: Tensor) -> tuple[Tensor, ...]:
        rest = iter(flat)
        inputs, state, constants = ([next(rest) for _ in range(size)] for size in sizes)
        parameters = list(rest)
        with _BelowAutograd():
            given = _parts(loop, inputs, state, constants, parameters)
            done = _run([partial(loop.forward, *part) for part in given])
            y = _whole([y for _, y, _ in done], 1)
            # clones, where there is one part: the backward must not keep its own outputs alive
            last = [value.clone() if loop.parts == 1 else value for value in _wholes([last for *_, last in done])]
        ctx.loop, ctx.sizes, ctx.parts = loop, sizes, [passed for passed, *_ in done]
        ctx.save_for_backward(y)  # its memory may be that of a kept state: a change in place must not go unseen
        return (y, *last)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gy: Tensor, *glast: Tensor) -> tuple[Tensor | None, ...]:
        ctx.saved_tensors  # noqa: B018  raises where y was changed
        loop, parts, (n_inputs, n_state, n_constants) = ctx.loop, ctx.parts, ctx.sizes
        with _BelowAutograd():
            given = zip(parts, _rows(loop, 1, [gy]), _rows(loop, 0, glast), strict=True)
            done = _run([partial(loop.backward, part, *gy, last) for part, gy, last in given])
            n_parameters = len(ctx.needs_input_grad) - 2 - n_inputs - n_state - n_constants
            gparameters: list[Tensor | None] = [None] * n_parameters
            sums = zip(*(part.parameters for part in done), strict=True)
            for index, values in zip(loop.program.parameters, sums, strict=True):
                gparameters[index] = values[0] if len(values) == 1 else torch.stack(values).sum(0)
            columns = zip(*(part.inputs for part in done), strict=True)
            ginputs = [None if values[0] is None else _whole(values, 1) for values in columns]
            gstate = _wholes([part.state for part in done])
        return (None, None, *ginputs, *gstate, *([None] * n_constants), *gparameters)


def _run(functions: Sequence[Callable[[], _T]]) -> list[_T]:
    def below(function: Callable[[], _T]) -> _T:
        with _BelowAutograd():  # on every thread
            return function()

    return side_by_side([partial(below, function) for function in functions])


def _parts(loop: TracedLoop, *groups: list[Tensor]) -> list[tuple[list[Tensor], ...]]:
    """Of inputs [T B ...], state and constants [B ...] and parameters, what each part takes."""
    inputs, state, constants, parameters = groups
    columns = (_rows(loop, 1, inputs), _rows(loop, 0, state), _rows(loop, 0, constants), [parameters] * loop.parts)
    return list(zip(*columns, strict=True))


def _rows(loop: TracedLoop, dim: int, tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """The tensors of each part, which has its share of the rows, in order."""
    chunks = [tensor.chunk(loop.parts, dim) if loop.parts > 1 else (tensor,) for tensor in tensors]
    return [[chunk[part] for chunk in chunks] for part in range(loop.parts)]


def _whole(parts: Sequence[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim)


def _wholes(parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """[B ...] each."""
    return [_whole(values, 0) for values in zip(*parts, strict=True)]
