"""Blocks of steps as one compiled call each, forwards and backwards: what the traced step pays in calls, fused away.

The two programs of a step (`program.py`) are written out for a fixed number of steps, K, so that no sequence length
asks for another compilation; what is left of a sequence runs step by step, by the same functions uncompiled. What steps
give is written where it is to stay: a block is handed its piece [K B ...] of each tensor of all steps. Block follows
block without Python in between (`chain.py`).
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
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from seqhub.nn.engines.chain import Chain
from seqhub.nn.engines.program import Examples, StepProgram

STEPS = 4  # of a block; compile time grows with it, and what a call costs is shared by so many steps
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


class Slabs(NamedTuple):
    """[K B ...]: what the steps of a block read and write; of states one more."""

    inputs: Tensors
    rooms: Tensors
    gradients: Tensors

    @classmethod
    def of(cls, program: StepProgram, given: Examples, steps: int) -> Slabs:
        """Of their own, with nothing between."""
        inputs = [t.detach().new_zeros(steps, *t.shape) for t in given.inputs]
        like = given.state[0]
        rooms = [room.tensor(steps + room.is_state, like) for room in program.rooms]
        return cls(inputs, rooms, [room.tensor(steps, like) for room in program.gradients])


class Blocks:
    """Some steps of a program in one call, compiled at the shapes of these examples of one step. Raises what the
    compiler raises. T: the steps of a sequence. Those after the last whole block run one by one, uncompiled. slabs:
    what the steps of a block read and write, where it is laid out in another way than whole.
    """

    parts = 1  # threads that share the rows of a batch

    def __init__(self, program: StepProgram, given: Examples, steps: int, slabs: Slabs | None = None) -> None:
        self.program, self.steps = program, steps
        state = [t.detach().contiguous() for t in given.state]
        shared = [t.detach() for group in given[2:] for t in group]
        now, every, gradients = slabs or Slabs.of(program, given, steps)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's compiler about itself
            shared += program.hoist(*shared)
            after = [slab[1:] if room.is_state else slab for room, slab in zip(program.rooms, every, strict=True)]
            self._zeros = _totals(program, now, every, shared, state)
            self._forward = _Compiled(partial(_forward, program, steps), now, state, shared, after)
            gys = [after[program.y]]
            self._backward = _Compiled(
                partial(_backward, program, steps), now, every, gys, state, shared, self._zeros, gradients
            )

    def forward(self, inputs: Tensors, state: Tensors, shared: Tensors, rooms: Tensors) -> Callable[[], list[Tensor]]:
        """inputs [T B ...] -> what gives the last state when it is called, once; rooms [T B ...] are written then; one
        block long: by every block.
        """
        size, length = self.steps, len(inputs[0])
        blocks = length // size
        given = [_pieces(inputs, 0, size), _fed(state, 0), _fixed(shared), _pieces(rooms, 0, size)]
        ready = self._forward.ready(blocks, given) if blocks else lambda: list(state)

        def run() -> list[Tensor]:
            last = ready()
            for step in range(blocks * size, length):
                now, row = ([t[step % len(t)].unsqueeze(0) for t in group] for group in (inputs, rooms))
                last = _forward(self.program, 1, now, last, shared, row)
            return last

        return run

    def backward(
        self, inputs: Tensors, every: Tensors, gy: Tensor, gstate: Tensors, shared: Tensors, gradients: Tensors
    ) -> Callable[[], tuple[list[Tensor], list[Tensor]]]:
        """every: the rooms, those of states [T+1 B ...]; gradients [T B ...] are written, and what is returned gives
        those of the first state, and the totals, when it is called, once.
        """
        size, length, n_state = self.steps, len(gy), len(gstate)
        blocks, totals = length // size, self._zeros
        more = [int(room.is_state) for room in self.program.rooms]
        for step in reversed(range(blocks * size, length)):
            now, gys, row = ([t[step : step + 1] for t in group] for group in (inputs, [gy], gradients))
            found = [t[step : step + 1 + extra] for t, extra in zip(every, more, strict=True)]
            both = _backward(self.program, 1, now, found, gys, gstate, shared, totals, row)
            gstate, totals = both[:n_state], both[n_state:]
        if not blocks:
            return lambda: (list(gstate), list(totals))
        last = (blocks - 1) * size
        given = [_pieces(inputs, last, size), _pieces(every, last, size, more), _pieces([gy], last, size)]
        given += [_fed(gstate, 0), _fixed(shared), _fed(totals, n_state), _pieces(gradients, last, size)]
        ready = self._backward.ready(blocks, given)

        def run() -> tuple[list[Tensor], list[Tensor]]:
            both = ready()
            return both[:n_state], both[n_state:]

        return run


class _Given(NamedTuple):
    """What the first call is given; how many elements further on the next one finds it; which result of the one before
    it takes instead (-1: none).
    """

    tensors: Tensors
    steps: list[int]
    results: list[int]


def _fixed(tensors: Tensors) -> _Given:
    return _Given(tensors, [0] * len(tensors), [-1] * len(tensors))


def _fed(tensors: Tensors, result: int) -> _Given:
    return _Given(tensors, [0] * len(tensors), [*range(result, result + len(tensors))])


def _pieces(tensors: Tensors, start: int, size: int, more: Sequence[int] = ()) -> _Given:
    """Piece after piece from the first, or back from the last one; each so many steps longer, where `more` says so."""
    first = [t[start : start + size + extra] for t, extra in zip(tensors, more or [0] * len(tensors), strict=True)]
    way = -size if start else size
    return _Given(first, [0 if len(t) == size else way * t.stride(0) for t in tensors], [-1] * len(tensors))


def _totals(program: StepProgram, inputs: Tensors, rooms: Tensors, shared: Tensors, state: Tensors) -> list[Tensor]:
    """Zeros like the totals of a step."""
    gys = [torch.zeros_like(rooms[program.y])]
    gradients = [room.tensor(1, state[0]) for room in program.gradients]
    out = _backward(program, 1, inputs, rooms, gys, state, shared, [0.0] * len(program.totals), gradients)
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
        inside = [number for number, node in enumerate(taken) if node.users]
        for node in taken:
            if not node.users:
                graph.graph.erase_node(node)
        graph.recompile()
        with config.patch(_OPTIONS):
            compiled = compile_fx_inner(graph, [given[number] for number in inside], cpp_wrapper=True)
        self._chain = Chain(getattr(compiled, "current_callable", None) or compiled, given, inside, places)

    def ready(self, calls: int, groups: Sequence[_Given]) -> Callable[[], list[Tensor]]:
        """What gives the results of the last of so many calls."""
        given = [tensor for group in groups for tensor in group.tensors]
        steps, results = ([each for group in groups for each in group[part]] for part in (1, 2))
        return self._chain.ready(calls, given, steps, results)
