"""A step, traced once into two straight-line programs: what it computes, and what its gradient computes.

Autograd runs a loop backwards one recorded node at a time and adds to a weight's gradient at every step. Here the
step's joint forward and backward is written down once (torch's `make_fx`), then

* what depends on parameters alone is moved out of the loop;
* the rest is cut in two: forward, and backward from the values that forward saved;
* where the backward multiplies two per-step tensors only to get a weight's gradient, a.T @ b, it returns a and b; the
  sum over time is then one matrix product over B*T. Other parameters' gradients are added up step by step.

Nothing here knows a cell: any pure step of float tensors can be traced; one that branches on data cannot, and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from seqhub.nn.engines.straight import straight_line

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
    factors: per weight, which parameter it is and whether the product is transposed; sums: parameters added up step
    by step.
    """

    hoist: Callable[..., tuple[Tensor, ...]]
    forward: Callable[..., tuple[Tensor, ...]]
    infer: Callable[..., tuple[Tensor, ...]]
    backward: Callable[..., tuple[Tensor | None, ...]]
    factors: tuple[tuple[int, bool], ...]
    sums: tuple[int, ...]


def trace_step(
    step: StepFunction, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
) -> StepProgram:
    """Trace `step` at the shapes of these examples. Raises whatever tracing raises for a step that branches on data."""
    sizes = (len(inputs), len(state), len(constants), len(parameters))

    def joint(*flat: Tensor) -> list[Any]:
        i, s, c, p, tangents = _split(flat, sizes)
        y, new = step(i, s, c, p)
        outputs = [y, *new]
        wanted = [t for t in (*i, *s, *p) if t.requires_grad]
        grads = torch.autograd.grad(outputs, wanted, tangents, allow_unused=True)
        found = dict(zip(map(id, wanted), grads, strict=True))
        return [*outputs, *(found.get(id(t)) for t in (*i, *s, *p))]

    examples = [_example(t, grad) for t, grad in _with_grad(inputs, state, constants, parameters)]
    with torch.no_grad():
        y, new = step(*_split(tuple(examples), sizes)[:4])
    tangents = [torch.zeros_like(t) for t in (y, *new)]
    with torch.enable_grad():
        graph = make_fx(joint, tracing_mode="fake")(*examples, *tangents).graph
    return _cut(graph, sizes)


def _with_grad(
    inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
) -> Iterable[tuple[Tensor, bool]]:
    """Each example, and whether it is differentiated: all but the constants, and what is no float."""
    for group, grad in ((inputs, True), (state, True), (constants, False), (parameters, True)):
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


def _cut(graph: fx.Graph, sizes: tuple[int, int, int, int]) -> StepProgram:
    """Tidy the joint graph and cut it into the three programs."""
    _tidy(graph)
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
    sum_nodes: list[fx.Node] = []
    for index, grad in enumerate(grads[n_inputs + n_state :]):
        if grad is None:
            continue
        product = _product(grad)
        if product is None:
            sums.append(index)
            sum_nodes.append(grad)
        else:
            left, right, transposed = product
            factors.append((index, transposed))
            factor_nodes += [left, right]
    wanted = [*grads[: n_inputs + n_state], *factor_nodes, *sum_nodes]
    needs = _needed(wanted, later)
    saved = [node for node in graph.nodes if node in needs and node not in varying and node not in steady]
    return StepProgram(
        hoist=straight_line(graph, shared, hoisted),
        forward=straight_line(graph, [*varying, *steady], [*outputs, *saved]),
        infer=straight_line(graph, [*varying, *steady], outputs),
        backward=straight_line(graph, [*varying, *steady, *saved, *tangents], wanted),
        factors=tuple(factors),
        sums=tuple(sums),
    )


def _tidy(graph: fx.Graph) -> None:
    """Drop detaches and double transposes; join products and the sums after them."""
    for node in list(graph.nodes):
        if node.target in (_ops.detach.default, _ops.alias.default):
            node.replace_all_uses_with(node.args[0])
    for node in list(graph.nodes):
        inner = node.args[0] if node.target is _ops.t.default else None
        if isinstance(inner, fx.Node) and inner.target is _ops.t.default:
            node.replace_all_uses_with(inner.args[0])
    for node in list(graph.nodes):
        if node.target is _ops.add.Tensor and not node.kwargs:
            _join(graph, node, _ops.mm.default, _ops.addmm.default)
    for node in list(graph.nodes):
        if node.target is _ops.add.Tensor and not node.kwargs:
            _join(graph, node, _ops.mul.Tensor, _ops.addcmul.default)
    graph.eliminate_dead_code()


def _join(graph: fx.Graph, node: fx.Node, product: Any, joined: Any) -> None:
    """add(c, a @ b) or add(c, a * b) in one call, where the product is used nowhere else and all have the sum's
    shape.
    """
    shape = node.meta["val"].shape
    for other, inner in (node.args, node.args[::-1]):
        if not isinstance(inner, fx.Node) or not isinstance(other, fx.Node):
            return
        if inner.target is not product or len(inner.users) > 1 or not all(isinstance(a, fx.Node) for a in inner.args):
            continue
        if not inner.meta["val"].shape == other.meta["val"].shape == shape:
            continue
        with graph.inserting_before(node):
            one = graph.call_function(joined, (other, *inner.args))
        one.meta = node.meta
        node.replace_all_uses_with(one)
        return


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


def _needed(wanted: Sequence[Any], later: set[fx.Node]) -> set[fx.Node]:
    """What the backward reads of the forward: values that do not depend on a gradient, used by something that does."""
    needs, stack, seen = set[fx.Node](), [node for node in wanted if isinstance(node, fx.Node)], set[fx.Node]()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node not in later:
            needs.add(node)
        else:
            stack.extend(node.all_input_nodes)
    return needs
