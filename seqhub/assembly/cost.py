"""What each block of a model costs: parameters and carried state, counted on modules without memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import ModelPlan, Node
from seqhub.geometry import Geometry
from seqhub.nn import Chain, Ends, Parallel, Residual, SequenceLayer, SequenceModel
from seqhub.nn.state import Slot


@dataclass(frozen=True)
class Cost:
    """One row: a block of the recipe, or a part that every model has.

    depth: blocks around it.  geometry: in steps of its own input.  parameters: numbers that are trained.  state:
    numbers carried from chunk to chunk for one sequence. A residual or parallel counts its own share alone: rows add
    up.
    """

    name: str
    type: str
    provider: str
    depth: int
    d_in: int
    geometry: Geometry
    parameters: int
    state: int


def model_costs(plan: ModelPlan, ends: Ends) -> tuple[SequenceModel, tuple[Cost, ...]]:
    """The model on the meta device (shapes, no numbers), and its rows from input to output."""
    with torch.device("meta"):
        model = build_model(plan, ends)
    known = {node.name for node in plan.nodes}
    rows: list[Cost] = []
    for name in model.stack.names:
        layer = model.stack[name]
        if name in known:
            rows += _node_costs(next(node for node in plan.nodes if node.name == name), layer, 0)
        elif not name.endswith("-dropout"):
            rows.append(_part(name, layer))
    anchor = _numbers(model.state, "anchor.")
    if model.ends.anchor:
        rows.append(Cost("anchor", "input column", "seqhub", 0, ends.d_in, model.geometry, 0, anchor))
    return model, tuple(rows)


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
    if isinstance(layer, Residual) and isinstance(layer.inner, Chain):
        return [layer.inner]
    if isinstance(layer, Parallel):
        return [branch for branch in layer.branches if isinstance(branch, Chain)]
    return []


def _part(name: str, layer: SequenceLayer) -> Cost:
    kind = type(layer).__name__.lower()
    return Cost(name, kind, "seqhub", 0, layer.d_in, layer.geometry, count_parameters(layer), _numbers(layer.state))


def _numbers(state: Mapping[str, Slot], prefix: str = "") -> int:
    return sum(slot.numel for name, slot in state.items() if name.startswith(prefix))
