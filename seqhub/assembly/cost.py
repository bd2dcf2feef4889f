"""What each block of a model costs: parameters and carried state, counted on modules without memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import ModelPlan, Node
from seqhub.geometry import Geometry, identity
from seqhub.nn import (
    Chain,
    Ends,
    Parallel,
    PerColumn,
    Resample,
    Residual,
    Reversible,
    SequenceLayer,
    SequenceModel,
    SharedRepeat,
)
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.nn.state import Slot


@dataclass(frozen=True)
class Cost:
    """One row: a block of the recipe, or a part that every model has.

    depth: blocks around it.  geometry: in steps of its own input.  parameters: numbers that are trained.  state:
    numbers carried from chunk to chunk for one sequence. A structure counts its own share alone, a repeat with shared
    weights the states of its further turns: rows add up.
    """

    name: str
    type: str
    provider: str
    depth: int
    d_in: int
    geometry: Geometry
    parameters: int
    state: int


def model_costs(plan: ModelPlan, ends: Ends) -> tuple[SequenceModel | EncoderDecoder, tuple[Cost, ...]]:
    """The model on the meta device (shapes, no numbers), and its rows from input to output."""
    with torch.device("meta"):
        model = build_model(plan, ends)
    counted: set[int] = set()
    if isinstance(model, EncoderDecoder):
        rows = _stack_costs(model.encoder.stack, plan.nodes, counted)
        if model.decoder.bridge is not None:
            numbers, width = count_parameters(model.decoder.bridge), model.encoder.d_out
            rows.append(Cost("bridge", "linear", "seqhub", 0, 2 * width, identity(width), numbers, 1))
        nodes = plan.decoder.nodes if plan.decoder is not None else ()
        return model, (*rows, *_stack_costs(model.decoder.model.stack, nodes, counted, "decoder"))
    rows = _stack_costs(model.stack, plan.nodes, counted)
    anchor = _numbers(model.state, "anchor.")
    if model.ends.anchor:
        rows.append(Cost("anchor", "input column", "seqhub", 0, ends.d_in, model.geometry, 0, anchor))
    return model, tuple(rows)


def _stack_costs(stack: Chain, nodes: tuple[Node, ...], counted: set[int], parent: str = "") -> list[Cost]:
    """The rows of one stack; `counted`: the parameters seen so far, since tables may be shared."""
    known = {node.name.removeprefix(f"{parent}."): node for node in nodes}
    rows: list[Cost] = []
    for name in stack.names:
        if name in known:
            rows += _node_costs(known[name], stack[name], 0)
            counted.update(map(id, stack[name].parameters()))  # a head may share a block's cell
        elif not name.endswith("-dropout"):
            rows.append(_part(f"{parent}.{name}" if parent else name, stack[name], counted))
    return rows


def count_parameters(layer: torch.nn.Module) -> int:
    """Numbers that training changes."""
    return sum(parameter.numel() for parameter in layer.parameters() if parameter.requires_grad)


def _node_costs(node: Node, layer: SequenceLayer, depth: int) -> list[Cost]:
    inner: list[Cost] = []
    for branch, chain in zip(node.branches, _chains(layer), strict=False):
        for child in branch:
            inner += _node_costs(child, chain[child.name.removeprefix(f"{node.name}.")], depth + 1)
    provider = node.block.component.provider if node.block.component else "seqhub"
    parameters = count_parameters(layer) - sum(row.parameters for row in inner)
    state = _numbers(layer.state) - sum(row.state for row in inner)
    own = Cost(node.name, node.block.type, provider, depth, node.d_in, node.geometry, parameters, state)
    return [own, *inner]


def _chains(layer: SequenceLayer) -> Iterable[Chain]:
    wraps = Residual | SharedRepeat | Resample | Reversible | PerColumn
    if isinstance(layer, wraps) and isinstance(layer.inner, Chain):
        return [layer.inner]
    if isinstance(layer, Parallel):
        return [branch for branch in layer.branches if isinstance(branch, Chain)]
    return []


def _part(name: str, layer: SequenceLayer, counted: set[int]) -> Cost:
    kind, new = type(layer).__name__.lower(), [p for p in layer.parameters() if id(p) not in counted]
    counted.update(map(id, new))
    parameters = sum(parameter.numel() for parameter in new if parameter.requires_grad)
    return Cost(name, kind, "seqhub", 0, layer.d_in, layer.geometry, parameters, _numbers(layer.state))


def _numbers(state: Mapping[str, Slot], prefix: str = "") -> int:
    return sum(slot.numel for name, slot in state.items() if name.startswith(prefix))
