"""Blocks of steps as one compiled call each, forwards and backwards: what the traced step pays in calls, fused away.

The two programs of a step (`program.py`) are written out for a fixed number of steps, so that no sequence length
asks for another compilation; what is left of a sequence runs step by step. Per-step results come back as they are,
not stacked: the loop stacks each once, in the order that the products over B*T want. Tensors are handed over in flat
lists: taking nested ones apart costs as much as a small kernel.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from seqhub.nn.engines.program import Examples, StepProgram

STEPS = 8  # of a block; compile time grows with it, and what a call costs is shared by so many steps
# Products stay apart from the sums after them, which are fused; multiply-adds may be contracted; the loop sees to the
# strides.
_OPTIONS: dict[str, Any] = {
    "pattern_matcher": False,
    "size_asserts": False,
    "cpp.enable_floating_point_contract_flag": "fast",
}


def has_compiler() -> bool:
    """Whether the C++ compiler that torch would call is installed."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    command = shlex.split(os.environ.get("CXX", usual)) or [usual]
    return shutil.which(command[0]) is not None


Tensors = Sequence[Any]


class Blocks:
    """Some steps of a program in one call, compiled at the shapes of these examples of one step. Raises what the
    compiler raises.

    A block's forward gives (y, *state, *saved) of every step, its backward (*ginputs, *factors) of every step and then
    the gradient of the state that it began with and the sums, each in one list.
    """

    def __init__(self, program: StepProgram, given: Examples, steps: int) -> None:
        self.steps = steps
        inputs, state = ([t.detach().contiguous() for t in group] for group in given[:2])
        shared = [t.detach() for group in given[2:] for t in group]
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's compiler about itself
            shared += program.hoist(*shared)
            results = list(program.forward(*inputs, *state, *shared))
            gy, gstate = torch.zeros_like(results[0]), [torch.zeros_like(value) for value in state]
            one: Sequence[Any] = program.backward(*inputs, *state, *shared, *results[1 + len(state) :], gy, *gstate)
            self._zeros = [torch.zeros_like(value) for value in one[len(one) - program.n_sums :]]
            every = [inputs * steps, state, results * steps, [gy] * steps]
            self._forward = _Compiled(partial(_forward, program, steps), inputs * steps, state, shared)
            self._backward = _Compiled(partial(_backward, program, steps), *every, gstate, shared, self._zeros)
        self.results = len(results)  # of a step
        before = len(inputs) * steps + len(state)
        self._needs = self._backward.used[before : before + len(results) * steps]

    def forward(self, inputs: Tensors, state: Tensors, shared: Tensors) -> list[Any]:
        """inputs: those of every step."""
        return self._forward(*inputs, *state, *shared)

    def needed(self, results: list[Any]) -> list[Any]:
        """The forward's results with None for what the backward does not read, so that it need not be kept."""
        return [value if needed else None for value, needed in zip(results, self._needs, strict=True)]

    def backward(
        self,
        inputs: Tensors,
        state: Tensors,
        results: Tensors,
        gys: Tensors,
        gstate: Tensors,
        shared: Tensors,
        sums: Tensors,
    ) -> list[Any]:
        """inputs, state and the needed results of the forward; gys: of every step."""
        return self._backward(*inputs, *state, *results, *gys, *gstate, *shared, *sums)

    def totals(self, sums: Tensors) -> list[Tensor]:
        """The sums so far, as `backward` takes them: zeros where there are none yet."""
        return [zero + value for zero, value in zip(self._zeros, sums, strict=True)]


def _forward(program: StepProgram, steps: int, inputs: Tensors, state: Tensors, shared: Tensors) -> list[Any]:
    results: list[Any] = []
    for now in _rows(inputs, steps):
        out = program.forward(*now, *state, *shared)
        state = out[1 : 1 + len(state)]
        results += out
    return results


def _backward(
    program: StepProgram,
    steps: int,
    inputs: Tensors,
    state: Tensors,
    results: Tensors,
    gys: Tensors,
    gstate: Tensors,
    shared: Tensors,
    sums: Tensors,
) -> list[Any]:
    n_state, befores, found = len(state), [state], []
    rows = _rows(results, steps)
    befores += [row[1 : 1 + n_state] for row in rows]
    for now, before, row, gy in reversed(list(zip(_rows(inputs, steps), befores, rows, gys, strict=False))):
        out = program.backward(*now, *before, *shared, *row[1 + n_state :], gy, *gstate)
        cut = len(out) - len(sums)
        flow = out[len(now) : len(now) + n_state]
        gstate = [torch.zeros_like(b) if g is None else g for b, g in zip(before, flow, strict=True)]
        sums = [total + value for total, value in zip(sums, out[cut:], strict=True)]
        found.append([*out[: len(now)], *out[len(now) + n_state : cut]])
    return [*(value for step in reversed(found) for value in step), *gstate, *sums]


def _rows(values: Tensors, steps: int) -> list[Tensors]:
    """Those of every step."""
    width = len(values) // steps
    return [values[step * width : (step + 1) * width] for step in range(steps)]


class _Compiled:
    """A function of lists of tensors, compiled. What it hands through, or gives twice, leaves the graph once at most.

    used: for each tensor given, whether anything depends on it; the others may be None.
    """

    def __init__(self, function: Callable[..., list[Any]], *examples: Sequence[Tensor]) -> None:
        places: list[int | None] = []  # of each result: a tensor given, or (after all of them) an output

        def run(*given: Tensor) -> list[Tensor]:
            seen = {id(tensor): number for number, tensor in enumerate(given)}
            outputs: list[Tensor] = []
            places.clear()
            rest = iter(given)
            for value in function(*([next(rest) for _ in group] for group in examples)):
                if value is not None and id(value) not in seen:
                    seen[id(value)] = len(given) + len(outputs)
                    outputs.append(value)
                places.append(None if value is None else seen[id(value)])
            return outputs

        from torch._inductor import config
        from torch._inductor.compile_fx import compile_fx_inner
        from torch._inductor.decomposition import select_decomp_table

        # A tensor that stands for every step must be one argument a step.
        given = [torch.empty_strided(t.shape, t.stride(), dtype=t.dtype) for group in examples for t in group]
        graph = make_fx(run, decomposition_table=select_decomp_table(), tracing_mode="fake")(*given)
        graph.graph.eliminate_dead_code()
        taken = [node for node in graph.graph.nodes if node.op == "placeholder"]
        handed = {place for place in places if place is not None}
        self.used = [bool(node.users) or number in handed for number, node in enumerate(taken)]
        self._inside = [number for number, node in enumerate(taken) if node.users]
        for node in taken:
            if not node.users:
                graph.graph.erase_node(node)
        graph.recompile()
        with config.patch(_OPTIONS):
            compiled = compile_fx_inner(graph, [given[number] for number in self._inside])
        self._call: Callable[[list[Tensor]], Sequence[Tensor]] = getattr(compiled, "current_callable", None) or compiled
        self._places = places

    def __call__(self, *given: Any) -> list[Any]:
        every = [*given, *self._call([given[number] for number in self._inside])]
        return [None if place is None else every[place] for place in self._places]
