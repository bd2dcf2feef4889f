"""A plan made of modules: each leaf's target is imported and called with its config, each structure wraps its branches.

`dropout:` on a block becomes a layer of its own after it, so that the block keeps its state's names.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from torch import nn

from seqhub.assembly.plan import ModelPlan, Node
from seqhub.errors import PluginError
from seqhub.nn import Cell, Chain, Ends, Parallel, Recurrent, Residual, SequenceLayer, SequenceModel
from seqhub.nn.pointwise import Dropout
from seqhub.plugins import load_target
from seqhub.recipe.types import Parallel as ParallelOptions
from seqhub.recipe.types import Residual as ResidualOptions


def build_model(plan: ModelPlan, ends: Ends) -> SequenceModel:
    """The model of a plan between the ends of a task. PluginError where a component is not what its spec says."""
    return SequenceModel(ends, build_chain(plan.nodes, plan.width))


def build_chain(nodes: tuple[Node, ...], d_in: int, parent: str = "") -> Chain:
    """Layers one after the other, named as in the recipe (without the parent's name)."""
    layers: dict[str, SequenceLayer] = {}
    for node in nodes:
        name = _relative(node.name, parent)
        layers[name] = layer = build_node(node)
        if node.block.common.dropout:
            layers[f"{name}-dropout"] = Dropout(layer.d_out, rate=node.block.common.dropout)
    return Chain(d_in, layers)


def build_node(node: Node) -> SequenceLayer:
    """One leaf, residual or parallel."""
    structure = node.block.structure
    if isinstance(structure, ResidualOptions):
        return Residual(build_chain(node.branches[0], node.d_in, node.name), norm_kind=structure.norm)
    if isinstance(structure, ParallelOptions):
        branches = [build_chain(branch, node.d_in, node.name) for branch in node.branches]
        return Parallel(branches, merge=structure.merge)
    return _build_leaf(node)


def _build_leaf(node: Node) -> SequenceLayer:
    component, options = node.block.component, node.block.options
    if component is None or options is None:
        raise TypeError(f"block '{node.name}' is neither a component nor a structure")
    target = load_target(component)
    keywords = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}

    def make() -> Any:
        try:
            return target(node.d_in, **keywords)
        except TypeError as error:
            accepted = ", ".join(inspect.signature(target).parameters)
            raise PluginError(
                f"{component.ref}: {component.spec.target} does not take the options of its config ({error})",
                fix=f"its constructor takes: {accepted}; give it the fields of {type(options).__name__}",
                code="E620",
            ) from error

    layer = make()
    if component.spec.kind == "cell":
        recurrent = node.block.recurrent
        if not isinstance(layer, Cell) or recurrent is None:
            raise _wrong_kind(component.ref, layer, "seqhub.nn.Cell")
        backward = make() if recurrent.direction == "bidirectional" else None
        layer = Recurrent(layer, direction=recurrent.direction, backward_cell=backward, merge=recurrent.merge)
    if not isinstance(layer, SequenceLayer):
        raise _wrong_kind(component.ref, layer, "seqhub.nn.SequenceLayer")
    if layer.geometry != node.geometry:
        raise PluginError(
            f"{component.ref}: the layer's geometry {layer.geometry} is not what its config says, {node.geometry}",
            fix="compute both with one function",
            code="E621",
        )
    return layer


def _wrong_kind(ref: str, layer: nn.Module, expected: str) -> PluginError:
    return PluginError(
        f"{ref}: its target made a {type(layer).__name__}, which is no {expected}",
        fix=f"make the class a subclass of {expected}",
        code="E622",
    )


def _relative(name: str, parent: str) -> str:
    return name.removeprefix(parent + ".") if parent else name
