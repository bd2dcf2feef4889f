"""A step, traced once into two straight-line programs: what it computes, and what its gradient computes.

Autograd runs a loop backwards one recorded node at a time and adds to a weight's gradient at every step. Here the
step's joint forward and backward is written down once (torch's `make_fx`), then

* what depends on parameters alone is moved out of the loop, a transposed weight as numbers in their new order;
* the rest is cut in two: forward, and backward from the values that forward saved;
* what only sums over rows to get a parameter's gradient leaves the loop (`late`): a weight's a.T @ b becomes one matrix
  product over B*T. Other parameters' gradients are added up step by step, and where such a gradient is a sum over the
  batch, the sum is taken once, after the loop;
* what is wanted of all steps is written where it is to stay, a row [B ...] of a tensor [T B ...]: a room.

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
from seqhub.nn.engines.late import ends
from seqhub.nn.engines.rooms import Room, Source
from seqhub.nn.engines.straight import straight_line
from seqhub.nn.engines.tidy import PRODUCTS, straighten, tidy

_ops = torch.ops.aten

# (per-step inputs, state, constants, parameters) -> (y, new state)
StepFunction = Callable[[list[Tensor], list[Tensor], list[Tensor], list[Tensor]], tuple[Tensor, list[Tensor]]]


@dataclass(frozen=True)
class StepProgram:
    """The traced step.

    hoist(*constants, *parameters) -> what is computed once a sequence
    forward(*inputs, *state, *shared, *rooms) -> results: (y, *state, *saved)     shared: constants, parameters, hoisted
    infer(*inputs, *state, *shared, y's room) -> (*state)
    backward(*inputs, *state, *shared, *kept, gy, *gstate, *gradients) -> (*gstate, *totals)
    rooms: results that forward writes; the output's is that of a state if it is one. y: which of them is the output's.
    gradients: what backward writes. of_inputs: which of them are the inputs'.
    kept: columns of the results that backward takes.
    finish(*shared, *rows, *totals) -> gradients of the `parameters`: rows, the tensors of all steps at the `factors`,
    [T*B ...] each; totals, the sums over time of what backward gave, each of such a shape.
    flow: all that leads from inputs and states to outputs, and back to their gradients.
    work: of a forward step, in multiply-adds. text: the programs in words; equal for equal steps.
    """

    hoist: Callable[..., tuple[Tensor, ...]]
    forward: Callable[..., tuple[Tensor, ...]]
    infer: Callable[..., tuple[Tensor, ...]]
    backward: Callable[..., tuple[Tensor | None, ...]]
    finish: Callable[..., tuple[Tensor, ...]]
    rooms: tuple[Room, ...]
    y: int
    gradients: tuple[Room, ...]
    of_inputs: tuple[int | None, ...]
    kept: tuple[int, ...]
    factors: tuple[Source, ...]
    parameters: tuple[int, ...]
    totals: tuple[Room, ...]
    flow: tuple[Room, ...]
    work: int
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

    def rows(self, parts: int) -> Examples:
        """The same with one part of the rows, where they are shared equally."""
        inputs, state, constants = ([t[: len(t) // parts] for t in group] for group in self[:3])
        return Examples(inputs, state, constants, self.parameters)


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
    n_flow = n_inputs + n_state
    places = [node for node in graph.nodes if node.op == "placeholder"]
    varying, shared = places[:n_flow], places[n_flow : sum(sizes)]
    tangents = places[sum(sizes) :]
    results = list(_output(graph))
    outputs, grads = results[: 1 + n_state], results[1 + n_state :]
    later = _reached(graph, tangents)
    straighten(graph, _constant(graph, shared, later))
    constant = _constant(graph, shared, later)
    hoisted = [node for node in constant if node not in shared and _used_outside(node, constant)]
    steady = [*shared, *hoisted]

    late = {number: grad for number, grad in enumerate(grads[n_flow:]) if grad is not None}
    factors, totals = ends(late.values(), later, {node for node in grads[:n_inputs] if node is not None})
    wanted = [*grads[:n_flow], *factors, *totals]
    known = {*varying, *steady}
    needs = _needed(wanted, later, known, is_cheap if for_compiler else _never)
    saved = [node for node in graph.nodes if node in needs and node not in known and node not in outputs]
    results = [*outputs, *saved]
    kept = [node for node in dict.fromkeys(results) if node in needs and node not in known]

    def column(node: fx.Node) -> int:  # an output that is a state is found as that
        return 1 + results[1:].index(node) if node in results[1:] else 0

    found = {node: Source("result", column(node)) for node in kept}
    found.update((node, Source("state", number)) for number, node in enumerate(varying[n_inputs:]))
    found.update((node, Source("input", number)) for number, node in enumerate(varying[:n_inputs]))
    gradients = list(dict.fromkeys(node for node in grads[:n_inputs] if node is not None))
    gradients += [node for node in factors if node not in found and node not in gradients]
    sources = tuple(found.get(node) or Source("gradient", gradients.index(node)) for node in factors)
    lasting = {column(outputs[0])}
    if for_compiler:  # of what the backward reads, everything; else what is wanted of all steps at once
        lasting |= {column(node) for node in kept}
        lasting |= {1 + number for number, node in enumerate(varying[n_inputs:]) if node in needs}
    else:
        lasting |= {number + (kind == "state") for kind, number in sources if kind in ("state", "result")}
    rooms = [Room(number, *_likeness(results[number]), 1 <= number <= n_state) for number in sorted(lasting)]
    written = [results[room.column] for room in rooms]
    direct = not for_compiler
    programs = {
        "hoist": straight_line(graph, shared, hoisted),
        "forward": straight_line(graph, [*varying, *steady], results, written, direct=direct),
        "infer": straight_line(graph, [*varying, *steady], outputs[1:], outputs[:1], direct=direct),
        "backward": straight_line(
            graph,
            [*varying, *steady, *kept, *tangents],
            [*grads[n_inputs:n_flow], *totals],
            gradients,
            direct=direct,
        ),
        "finish": straight_line(graph, [*steady, *factors, *totals], list(late.values())),
    }
    return StepProgram(
        **{name: program.run for name, program in programs.items()},
        rooms=tuple(rooms),
        y=[room.column for room in rooms].index(column(outputs[0])),
        gradients=tuple(Room(number, *_likeness(node)) for number, node in enumerate(gradients)),
        of_inputs=tuple(None if node is None else gradients.index(node) for node in grads[:n_inputs]),
        kept=tuple(column(node) for node in kept),
        factors=sources,
        parameters=tuple(late),
        totals=tuple(Room(number, *_likeness(node)) for number, node in enumerate(totals)),
        flow=_flow(graph, [*varying, *tangents], [*outputs, *grads[:n_flow]]),
        work=sum(map(_work, _reached(graph, varying) - later)),
        text="\n".join(program.text for program in programs.values()),
    )


def _likeness(node: fx.Node) -> tuple[tuple[int, ...], torch.dtype]:
    value = node.meta["val"]
    return tuple(value.shape), value.dtype


def _flow(graph: fx.Graph, roots: list[fx.Node], ends: Sequence[Any]) -> tuple[Room, ...]:
    """The tensors between them, in order."""
    found, wanted = _reached(graph, roots), {node for node in ends if node is not None}
    for node in reversed(graph.nodes):
        if node.op == "call_function" and node in wanted:
            wanted.update(node.all_input_nodes)
    between = [node for node in graph.nodes if node in found and node in wanted]
    tensors = [node for node in between if isinstance(node.meta["val"], Tensor)]
    return tuple(Room(number, *_likeness(node)) for number, node in enumerate(tensors))


def _work(node: fx.Node) -> int:
    """The multiply-adds of a product, the numbers of anything else."""
    value, left = node.meta["val"], node.args[-2] if node.target in PRODUCTS else None
    inner = left.meta["val"].shape[-1] if isinstance(left, fx.Node) else 1
    return int(value.numel() * inner) if isinstance(value, Tensor) else 0


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
