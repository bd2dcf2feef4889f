"""A step, traced once into two straight-line programs: what it computes, and what its gradient computes.

Autograd runs a loop backwards one recorded node at a time and adds to a weight's gradient at every step. Here the
step's joint forward and backward is written down once (torch's `make_fx`), then

* what depends on parameters alone is moved out of the loop;
* the rest is cut in two: forward, and backward from the values that forward saved;
* where the backward multiplies two per-step tensors only to get a weight's gradient, a.T @ b, it returns a and b; the
  sum over time is then one matrix product over B*T. Other parameters' gradients are added up step by step, and where
  such a gradient is a sum over the batch, the sum is taken once, after the loop.

A program for the compiler is cut elsewhere: forward saves only what matrix products and reductions gave, and backward
works the elementwise rest out again, which costs less than writing and reading it once the compiler has fused it.

Nothing here knows a cell: any pure step of float tensors can be traced; one that branches on data cannot, and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from seqhub.nn.engines.fusible import fusible, is_cheap, is_random
from seqhub.nn.engines.straight import straight_line
from seqhub.nn.engines.tidy import tidy

# (per-step inputs, state, constants, parameters) -> (y, new state)
StepFunction = Callable[[list[Tensor], list[Tensor], list[Tensor], list[Tensor]], tuple[Tensor, list[Tensor]]]
_ops = torch.ops.aten


@dataclass(frozen=True)
class StepProgram:
    """The traced step.

    hoist(*constants, *parameters) -> what is computed once a sequence
    forward(*inputs, *state, *shared) -> (y, *state, *saved)                shared: constants, parameters, hoisted
    infer(*inputs, *state, *shared) -> (y, *state)
    backward(*inputs, *state, *shared, *saved, gy, *gstate) -> (*ginputs, *gstate, *factors, *sums)
    factors: per weight, which parameter it is and whether the product is transposed.
    finish(*sums) -> gradients of the other parameters, from the n_sums totals over time; sums: which parameters.
    text: the programs in words; equal for equal steps.
    """

    hoist: Callable[..., tuple[Tensor, ...]]
    forward: Callable[..., tuple[Tensor, ...]]
    infer: Callable[..., tuple[Tensor, ...]]
    backward: Callable[..., tuple[Tensor | None, ...]]
    finish: Callable[..., tuple[Tensor, ...]]
    factors: tuple[tuple[int, bool], ...]
    sums: tuple[int, ...]
    n_sums: int
    text: str


class Examples(NamedTuple):
    """What a step is given: tensors whose values do not matter."""

    inputs: list[Tensor]
    state: list[Tensor]
    constants: list[Tensor]
    parameters: list[Tensor]

    @property
    def likeness(self) -> Hashable:
        """Equal for examples of equal shapes and kinds."""
        return tuple((tuple(t.shape), t.dtype, t.device) for group in self for t in group)


def trace_step(step: StepFunction, given: Examples, *, for_compiler: bool = False) -> StepProgram:
    """Trace `step` at the shapes of these examples. Raises whatever tracing raises for a step that branches on data."""
    inputs, state, constants, parameters = given
    sizes = (len(inputs), len(state), len(constants), len(parameters))

    def joint(*flat: Tensor) -> list[Any]:
        i, s, c, p, tangents = _split(flat, sizes)
        y, new = step(i, s, c, p)
        outputs = [y, *new]
        wanted = [t for t in (*i, *s, *p) if t.requires_grad]
        grads = torch.autograd.grad(outputs, wanted, tangents, allow_unused=True)
        found = dict(zip(map(id, wanted), grads, strict=True))
        return [*outputs, *(found.get(id(t)) for t in (*i, *s, *p))]

    examples = [_example(t, grad) for t, grad in _with_grad(given)]
    with torch.no_grad():
        y, new = step(*_split(tuple(examples), sizes)[:4])
    tangents = [torch.zeros_like(t) for t in (y, *new)]
    with torch.enable_grad():
        table = fusible() if for_compiler else {}
        graph = make_fx(joint, decomposition_table=table, tracing_mode="fake")(*examples, *tangents).graph
    return _cut(graph, sizes, for_compiler)


def _with_grad(given: Examples) -> Iterable[tuple[Tensor, bool]]:
    """Each example, and whether it is differentiated: all but the constants, and what is no float."""
    for group, grad in zip(given, (True, True, False, True), strict=True):
        for tensor in group:
            yield tensor, grad and tensor.is_floating_point()


def _example(tensor: Tensor, grad: bool) -> Tensor:
    return torch.zeros_like(tensor, memory_format=torch.contiguous_format).requires_grad_(grad)


def _split(flat: tuple[Tensor, ...], sizes: tuple[int, int, int, int]) -> tuple[list[Tensor], ...]:
    parts, at = [], 0
    for size in sizes:
        parts.append(list(flat[at : at + size]))
        at += size
    return (*parts, list(flat[at:]))


def _cut(graph: fx.Graph, sizes: tuple[int, int, int, int], for_compiler: bool) -> StepProgram:
    """Tidy the joint graph and cut it into the programs."""
    if for_compiler and any(is_random(node) for node in graph.nodes):
        raise TypeError("the step draws random numbers")
    tidy(graph, join=not for_compiler)
    n_inputs, n_state, *_ = sizes
    places = [node for node in graph.nodes if node.op == "placeholder"]
    varying, shared = places[: n_inputs + n_state], places[n_inputs + n_state : sum(sizes)]
    tangents = places[sum(sizes) :]
    results = list(_output(graph))
    outputs, grads = results[: 1 + n_state], results[1 + n_state :]
    later = _reached(graph, tangents)
    constant = _constant(graph, shared, later)
    hoisted = [node for node in constant if node not in shared and _used_outside(node, constant)]
    steady = [*shared, *hoisted]

    factors: list[tuple[int, bool]] = []
    factor_nodes: list[fx.Node] = []
    sums: list[int] = []
    sum_nodes: dict[fx.Node, None] = {}
    totals: list[fx.Node] = []
    for index, grad in enumerate(grads[n_inputs + n_state :]):
        if grad is None:
            continue
        product = _product(grad)
        if product is None:
            sums.append(index)
            totals.append(grad)
            sum_nodes[_summand(grad, later)] = None
        else:
            left, right, transposed = product
            factors.append((index, transposed))
            factor_nodes += [left, right]
    wanted = [*grads[: n_inputs + n_state], *factor_nodes, *sum_nodes]
    known = {*varying, *steady}
    needs = _needed(wanted, later, known, is_cheap if for_compiler else _never)
    saved = [node for node in graph.nodes if node in needs and node not in known]
    programs = {
        "hoist": straight_line(graph, shared, hoisted),
        "forward": straight_line(graph, [*varying, *steady], [*outputs, *saved]),
        "infer": straight_line(graph, [*varying, *steady], outputs),
        "backward": straight_line(graph, [*varying, *steady, *saved, *tangents], wanted),
        "finish": straight_line(graph, list(sum_nodes), totals),
    }
    return StepProgram(
        **{name: program.run for name, program in programs.items()},
        factors=tuple(factors),
        sums=tuple(sums),
        n_sums=len(sum_nodes),
        text="\n".join(program.text for program in programs.values()),
    )


def _output(graph: fx.Graph) -> Sequence[Any]:
    results: Sequence[Any] = next(node for node in graph.nodes if node.op == "output").args[0]
    return results


def _reached(graph: fx.Graph, roots: list[fx.Node]) -> set[fx.Node]:
    """Every node that depends on one of the roots."""
    found = set(roots)
    for node in graph.nodes:
        if node.op == "call_function" and any(source in found for source in node.all_input_nodes):
            found.add(node)
    return found


def _constant(graph: fx.Graph, shared: list[fx.Node], later: set[fx.Node]) -> list[fx.Node]:
    """Nodes that depend on constants and parameters alone (or on nothing), in order."""
    found = list(shared)
    for node in graph.nodes:
        if node.op == "call_function" and node not in later and all(source in found for source in node.all_input_nodes):
            found.append(node)
    return found


def _used_outside(node: fx.Node, group: list[fx.Node]) -> bool:
    return any(user not in group for user in node.users)


def _product(grad: fx.Node) -> tuple[fx.Node, fx.Node, bool] | None:
    """(a, b, transposed) where grad is a.T @ b, or its transpose: two per-step tensors with the batch first."""
    transposed = grad.target is _ops.t.default
    node = grad.args[0] if transposed else grad
    if not isinstance(node, fx.Node) or node.target is not _ops.mm.default or len(node.users) > 1:
        return None
    left, right = node.args
    if isinstance(left, fx.Node) and isinstance(right, fx.Node) and left.target is _ops.t.default:
        return left.args[0], right, transposed  # type: ignore[return-value]
    return None


def _summand(grad: fx.Node, later: set[fx.Node]) -> fx.Node:
    """What to add up over time in place of a gradient that is a sum over the batch, and views of that sum."""
    node = grad
    while _is_view(node) and isinstance(node.args[0], fx.Node):
        node = node.args[0]
    inner = node.args[0] if node.target is _ops.sum.dim_IntList else None
    return inner if isinstance(inner, fx.Node) and inner in later else grad


def _is_view(node: fx.Node) -> bool:
    return node.target in (_ops.view.default, _ops.squeeze.dim, _ops.t.default)


def _never(node: fx.Node) -> bool:
    return False


def _needed(
    wanted: Sequence[Any], later: set[fx.Node], known: set[fx.Node], again: Callable[[fx.Node], bool]
) -> set[fx.Node]:
    """What the backward reads of the forward: values that do not depend on a gradient, used by something that does.
    A value that is worked out `again` is replaced by what it needs.
    """
    needs, stack, seen = set[fx.Node](), [node for node in wanted if isinstance(node, fx.Node)], set[fx.Node]()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node not in later and (node in known or not again(node)):
            needs.add(node)
        else:
            stack.extend(node.all_input_nodes)
    return needs
