"""Straight-line graphs as Python functions with as little between the tensor kernels as Python allows.

A loop over time makes thousands of small calls, and at a batch of 16 the call costs more than the kernel. So operators
are called through torch's own bindings where they exist (half the cost of `torch.ops`), and below autograd, which the
loop does without. Shapes and values are those of the graph; only the way of calling differs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import fx

_ops = torch.ops.aten
_BINDINGS: dict[Any, Callable[..., Any]] = {
    _ops.add.Tensor: torch.add,
    _ops.sub.Tensor: torch.sub,
    _ops.mul.Tensor: torch.mul,
    _ops.div.Tensor: torch.div,
    _ops.addcmul.default: torch.addcmul,
    _ops.mm.default: torch.mm,
    _ops.addmm.default: torch.addmm,
    _ops.bmm.default: torch.bmm,
    _ops.t.default: torch.t,
    _ops.cat.default: torch.cat,
    _ops.native_layer_norm.default: torch.native_layer_norm,
    _ops.neg.default: torch.neg,
    _ops.exp.default: torch.exp,
    _ops.relu.default: torch.relu,
    _ops.sigmoid.default: torch.sigmoid,
    _ops.tanh.default: torch.tanh,
    _ops.maximum.default: torch.maximum,
    _ops.where.self: torch.where,
    _ops.view.default: torch.reshape,  # traced on contiguous examples; a slice of a sequence need not be contiguous
    _ops._unsafe_view.default: torch.reshape,
}
_PLAIN = (torch.t, torch.relu, torch.reshape, torch.native_layer_norm)
_WRITING = tuple(call for call in _BINDINGS.values() if call not in _PLAIN)  # take `out`
_BOUND_TO_MEMORY = (_ops.as_strided.default, _ops.as_strided_.default)  # right for the example's strides alone


class StraightLine(NamedTuple):
    """A function, and the same in words: equal for graphs that do the same in the same order."""

    run: Callable[..., Any]
    text: str


def straight_line(
    graph: fx.Graph,
    given: Sequence[fx.Node],
    wanted: Sequence[Any],
    rooms: Sequence[fx.Node] = (),
    *,
    direct: bool = True,
) -> StraightLine:
    """A function from the values of `given` to those of `wanted` (a None stays one), through the nodes between them. It
    is handed tensors to write the values of `rooms` into, after the given ones; direct: by the operators themselves,
    where they can, and not by a copy.
    """
    every = [*wanted, *rooms]
    needed = _between(given, every)
    places = {node: f"room{index}" for index, node in enumerate(rooms)}
    names = {node: f"v{index}" for index, node in enumerate([*given, *needed])}
    functions: dict[str, Any] = {}
    last = _last_uses(needed, every)
    lines = []
    for index, node in enumerate(needed):
        functions[f"f{index}"] = _callable(node.target)
        arguments = [_text(argument, names) for argument in node.args]
        arguments += [f"{key}={_text(value, names)}" for key, value in node.kwargs.items()]
        if direct and node in places and functions[f"f{index}"] in _WRITING:
            arguments.append(f"out={places.pop(node)}")
        if node.target is operator.getitem:
            lines.append(f"{names[node]} = {arguments[0]}[{arguments[1]}]")
        else:
            lines.append(f"{names[node]} = f{index}({', '.join(arguments)})")
        if node in last:  # memory goes as soon as nothing needs it
            lines.append("; ".join(f"del {names[dead]}" for dead in last[node]))
    lines += [f"{place}.copy_({names[node]})" for node, place in places.items()]
    results = ", ".join(names[node] if isinstance(node, fx.Node) else "None" for node in wanted)
    taken = [*(names[node] for node in given), *(f"room{index}" for index in range(len(rooms)))]
    body = "".join(f"    {line}\n" for line in lines)
    source = f"def run({', '.join(taken)}):\n{body}    return ({results}{',' if results else ''})\n"
    exec(compile(source, "<traced step>", "exec"), functions)  # our own text, made of names and numbers only
    called = " ".join(str(node.target) for node in needed)
    return StraightLine(functions["run"], f"{source}{called}")


def _between(given: Sequence[fx.Node], wanted: Sequence[Any]) -> list[fx.Node]:
    """The nodes that `wanted` needs beyond `given`, in order. TypeError for one that cannot be called again."""
    found, stack = set[fx.Node](), [node for node in wanted if isinstance(node, fx.Node)]
    known = set(given)
    while stack:
        node = stack.pop()
        if node in known or node in found:
            continue
        if node.op != "call_function" or node.target in _BOUND_TO_MEMORY:
            raise TypeError(f"the step holds {node.format_node()}")
        found.add(node)
        stack.extend(node.all_input_nodes)
    graph = next(iter(found)).graph if found else None
    return [node for node in graph.nodes if node in found] if graph is not None else []


def _last_uses(needed: Sequence[fx.Node], wanted: Sequence[Any]) -> dict[fx.Node, list[fx.Node]]:
    """For each node, those whose values nothing after it reads."""
    kept = {node for node in wanted if isinstance(node, fx.Node)}
    final: dict[fx.Node, fx.Node] = {}
    for node in needed:
        for source in node.all_input_nodes:
            final[source] = node
    dead: dict[fx.Node, list[fx.Node]] = {}
    for source, node in final.items():
        if source in needed and source not in kept:
            dead.setdefault(node, []).append(source)
    return dead


def _callable(target: Any) -> Callable[..., Any]:
    if target in _BINDINGS:
        return _BINDINGS[target]
    if isinstance(target, torch._ops.OpOverload):
        direct: Callable[..., Any] = target._op  # without the overload's own Python frame
        return direct
    return target  # type: ignore[no-any-return]


def _text(value: Any, names: dict[fx.Node, str]) -> str:
    if isinstance(value, fx.Node):
        return names[value]
    if isinstance(value, (list, tuple)):
        inside = ", ".join(_text(item, names) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if inside else ''})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"inf": "float('inf')", "-inf": "float('-inf')", "nan": "float('nan')"}.get(repr(value), repr(value))
    if isinstance(value, (torch.dtype, torch.memory_format, torch.layout)):
        return f"__import__('torch').{str(value).removeprefix('torch.')}"
    if isinstance(value, torch.device):
        return f"__import__('torch').device({str(value)!r})"
    raise TypeError(f"the step holds a constant of type {type(value).__name__}")
