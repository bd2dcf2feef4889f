"""Blocks of steps as one compiled call each, forwards and backwards: what the traced step pays in calls, fused away.

The two programs of a step (`program.py`) are written out for a fixed number of steps, so that no sequence length
asks for another compilation; what is left of a sequence runs step by step, by the same functions uncompiled. What steps
give is written where it is to stay: a block is handed its piece [K B ...] of each tensor of all steps.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from seqhub.nn.engines.program import Examples, StepProgram

STEPS = 8  # of a block; compile time grows with it, and what a call costs is shared by so many steps
# Products stay apart from the sums after them, which are fused; multiply-adds may be contracted; the loop sees to the
# strides. A call is C++ from end to end, so that other threads can run Python meanwhile.
_OPTIONS: dict[str, Any] = {
    "cpp_wrapper": True,
    "pattern_matcher": False,
    "size_asserts": False,
    "cpp.enable_floating_point_contract_flag": "fast",
}


def obstacle() -> str:
    """Why torch could compile nothing here; empty where it can. It calls a C++ compiler, which has to be installed, and
    hands its own folders over unquoted.
    """
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    command = shlex.split(os.environ.get("CXX", usual)) or [usual]
    if shutil.which(command[0]) is None:
        return "no C++ compiler is installed"
    folder = str(Path(torch.__file__).parent)
    return f"torch compiles nothing where its folder has a space in its name: {folder}" if " " in folder else ""


Tensors = Sequence[Any]


class Blocks:
    """Some steps of a program in one call, compiled at the shapes of these examples of one step. Raises what the
    compiler raises. K: the steps of a piece, those of a block or fewer.
    """

    def __init__(self, program: StepProgram, given: Examples, steps: int) -> None:
        self.program, self.steps = program, steps
        inputs, state = ([t.detach().contiguous() for t in group] for group in given[:2])
        shared = [t.detach() for group in given[2:] for t in group]
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's compiler about itself
            shared += program.hoist(*shared)
            now = [value.new_zeros(steps, *value.shape) for value in inputs]
            after, gradients = (
                [room.tensor(steps, state[0]) for room in group] for group in (program.rooms, program.gradients)
            )
            every = [room.tensor(steps + room.is_state, state[0]) for room in program.rooms]
            self.zeros = _totals(program, now, every, shared, state)
            self._forward = _Compiled(partial(_forward, program, steps), now, state, shared, after)
            gys = [after[program.y]]
            self._backward = _Compiled(
                partial(_backward, program, steps), now, every, gys, state, shared, self.zeros, gradients
            )

    def forward(self, steps: int, inputs: Tensors, state: Tensors, shared: Tensors, rooms: Tensors) -> list[Tensor]:
        """inputs [K B ...] -> the state after them; rooms [K B ...] are written."""
        if steps == self.steps:
            return self._forward(*inputs, *state, *shared, *rooms)
        return _forward(self.program, steps, inputs, state, shared, rooms)

    def backward(
        self,
        steps: int,
        inputs: Tensors,
        rooms: Tensors,
        gys: Tensor,
        gstate: Tensors,
        shared: Tensors,
        totals: Tensors,
        gradients: Tensors,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """rooms [K B ...], states [K+1 B ...]; gradients are written. Returns those of the state before the piece, and
        the totals so far.
        """
        if steps == self.steps:
            out = self._backward(*inputs, *rooms, gys, *gstate, *shared, *totals, *gradients)
        else:
            out = _backward(self.program, steps, inputs, rooms, [gys], gstate, shared, totals, gradients)
        return out[: len(gstate)], out[len(gstate) :]


def _totals(program: StepProgram, inputs: Tensors, rooms: Tensors, shared: Tensors, state: Tensors) -> list[Tensor]:
    """Zeros like the totals of a step."""
    gys = [torch.zeros_like(rooms[program.y])]
    gradients = [room.tensor(1, state[0]) for room in program.gradients]
    out = _backward(program, 1, inputs, rooms, gys, state, shared, [0.0] * program.n_totals, gradients)
    return [torch.zeros_like(value) for value in out[len(state) :]]


def _forward(
    program: StepProgram, steps: int, inputs: Tensors, state: Tensors, shared: Tensors, rooms: Tensors
) -> list[Tensor]:
    for step in range(steps):
        results = program.forward(*(slab[step] for slab in inputs), *state, *shared, *(slab[step] for slab in rooms))
        state = results[1 : 1 + len(state)]
    return list(state)


def _backward(
    program: StepProgram,
    steps: int,
    inputs: Tensors,
    rooms: Tensors,
    gys: Tensors,
    gstate: Tensors,
    shared: Tensors,
    totals: Tensors,
    gradients: Tensors,
) -> list[Tensor]:
    places = {room.column: slab for room, slab in zip(program.rooms, rooms, strict=True)}
    n_state = len(gstate)
    for step in reversed(range(steps)):
        now = [slab[step] for slab in inputs]
        # a state without a room is not read
        before = [places[column][step] if column in places else None for column in range(1, 1 + n_state)]
        kept = [places[column][step + (1 <= column <= n_state)] for column in program.kept]
        row = [slab[step] for slab in gradients]
        out = program.backward(*now, *before, *shared, *kept, gys[0][step], *gstate, *row)
        gstate = [torch.zeros_like(b) if g is None else g for b, g in zip(gstate, out, strict=False)]
        totals = [total + value for total, value in zip(totals, out[n_state:], strict=True)]
    return [*gstate, *totals]


class _Compiled:
    """A function of lists of tensors, some of which it may write, compiled. What it hands through, or gives twice,
    leaves the graph once at most.
    """

    def __init__(self, function: Callable[..., list[Tensor]], *examples: Sequence[Tensor]) -> None:
        places: list[int] = []  # of each result: a tensor given, or (after all of them) an output

        def run(*given: Tensor) -> list[Tensor]:
            seen = {id(tensor): number for number, tensor in enumerate(given)}
            outputs: list[Tensor] = []
            places.clear()
            rest = iter(given)
            for value in function(*([next(rest) for _ in group] for group in examples)):
                if id(value) not in seen:
                    seen[id(value)] = len(given) + len(outputs)
                    outputs.append(value)
                places.append(seen[id(value)])
            return outputs

        from torch._inductor import config
        from torch._inductor.compile_fx import compile_fx_inner
        from torch._inductor.decomposition import select_decomp_table

        # A tensor that stands for several must be one argument each.
        given = [torch.empty_strided(t.shape, t.stride(), dtype=t.dtype) for group in examples for t in group]
        graph = make_fx(run, decomposition_table=select_decomp_table(), tracing_mode="fake")(*given)
        graph.graph.eliminate_dead_code()
        taken = [node for node in graph.graph.nodes if node.op == "placeholder"]
        self._inside = [number for number, node in enumerate(taken) if node.users]
        for node in taken:
            if not node.users:
                graph.graph.erase_node(node)
        graph.recompile()
        with config.patch(_OPTIONS):
            compiled = compile_fx_inner(graph, [given[number] for number in self._inside], cpp_wrapper=True)
        self._call: Callable[[list[Tensor]], Sequence[Tensor]] = getattr(compiled, "current_callable", None) or compiled
        self._places = places

    def __call__(self, *given: Tensor) -> list[Tensor]:
        every = [*given, *self._call([given[number] for number in self._inside])]
        return [every[place] for place in self._places]
