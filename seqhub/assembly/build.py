"""A plan made of modules: each leaf's target is imported and called with its config, each structure wraps its branches.

`dropout:` on a block becomes a layer of its own after it, so that the block keeps its state's names.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from seqhub.api import Config
from seqhub.assembly.head import SHARED, cells_named
from seqhub.assembly.plan import ModelPlan, Node, every_node
from seqhub.errors import Place, PluginError, RecipeError
from seqhub.nn import (
    Cell,
    Chain,
    Ends,
    Init,
    Parallel,
    PerColumn,
    Recurrent,
    Regularisation,
    Resample,
    Residual,
    Reversible,
    SequenceLayer,
    SequenceModel,
    SharedRepeat,
    Skip,
    identity,
    init_cell,
)
from seqhub.nn.pointwise import Dropout
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.plugins import Component, load_target
from seqhub.recipe import structures
from seqhub.recipe.reader import place_of
from seqhub.recipe.types import Keys
from seqhub.recipe.types import Recurrent as RecurrentOptions


def build_model(plan: ModelPlan, ends: Ends) -> SequenceModel | EncoderDecoder:
    """The model of a plan between the ends of a task.

    Raises PluginError where a component is not what its spec says, RecipeError E212 where an option does not suit it,
    E213 where the blocks read the columns as they are and these are not as many as the width, E214 where a decoder
    cannot be joined to the encoder.
    """
    builder = _builder(plan.places, plan.nodes)
    body = builder.chain(plan.nodes, plan.width)
    if not plan.embed and (ends.tokens or ends.d_in != plan.width):
        what = "ids" if ends.tokens else f"{ends.d_in} columns"
        message = f"model.embed is false, so the blocks read {what} as they are, but model.width is {plan.width}"
        fix = "leave embed out" if ends.tokens else f"set width: {ends.d_in}, or leave embed out"
        raise RecipeError(message, fix=fix, code="E213", place=place_of(plan.places, ("model", "width")))
    if plan.decoder is None:
        return SequenceModel(ends, body, embed=plan.embed, head=_head(plan, ends, builder.cells) if plan.head else None)
    section = plan.decoder.section
    writer = _builder(plan.places, plan.decoder.nodes).chain(plan.decoder.nodes, section.width, "decoder")
    try:
        return EncoderDecoder(
            ends, body, writer, bridge=section.bridge == "linear", tied=section.tied, embed=plan.embed
        )
    except ValueError as error:
        place = place_of(plan.places, ("model", "decoder"))
        fix = "set tied: output" if "tied" in str(error) else "set bridge: none"
        raise RecipeError(f"model.decoder: {error}", fix=fix, code="E214", place=place) from error


def _head(plan: ModelPlan, ends: Ends, cells: Mapping[str, Cell]) -> Callable[[int, int], SequenceLayer]:
    """Makes the head that the recipe names, with the cell that it shares. RecipeError E215 where the task has one of
    its own.
    """
    use = plan.head
    if use is None or ends.tied or ends.head != "linear":
        what = "a tied head" if ends.tied else f"a {ends.head} head"
        place = place_of(plan.places, ("model", "head"))
        raise RecipeError(f"model.head: the task brings {what}", fix="leave it out", code="E215", place=place)

    shared = getattr(use.options, SHARED, None)
    if shared:
        cell = cells[cells_named(plan.nodes, shared)[0].name]
        use = dataclasses.replace(use, options=dataclasses.replace(use.options, **{SHARED: cell}))

    def make(d_in: int, d_out: int) -> SequenceLayer:
        try:
            layer = use.build(d_in, d_out)
        except ValueError as error:
            place = place_of(plan.places, ("model", "head"))
            fix = "change its options, or the columns of the task"
            fix = f"share the cell of another block, {fix}" if shared else fix
            raise RecipeError(f"model.head: {error}", fix=fix, code="E215", place=place) from error
        if not isinstance(layer, SequenceLayer):
            raise _wrong_kind(use.ref, layer, "seqhub.nn.SequenceLayer")
        if layer.geometry != identity(d_out):
            message = f"{use.ref}: a head gives {d_out} numbers for each step; this one has {layer.geometry}"
            raise PluginError(message, fix="give its constructor's d_out as the width", code="E621")
        return layer

    return make


def build_blocks(plan: ModelPlan) -> Chain:
    """The blocks alone, from the width of the plan on. Raises as `build_model` does."""
    return _builder(plan.places, plan.nodes).chain(plan.nodes, plan.width)


def _builder(places: Mapping[Keys, Place], nodes: tuple[Node, ...]) -> _Builder:
    return _Builder(places, frozenset(node.link.source for node in every_node(nodes) if node.link is not None))


@dataclass(frozen=True)
class _Builder:
    places: Mapping[Keys, Place]
    joined: frozenset[str]  # nodes whose outputs some skip asks for
    cells: dict[str, Cell] = field(default_factory=dict)  # every cell made, by its node

    def chain(self, nodes: tuple[Node, ...], d_in: int, parent: str = "") -> Chain:
        """Layers one after the other, named as in the recipe (without the parent's name)."""
        layers: dict[str, SequenceLayer] = {}
        keep: dict[str, str] = {}
        for node in nodes:
            name = node.name.removeprefix(f"{parent}.") if parent else node.name
            layers[name] = layer = self.layer(node)
            if node.block.common.dropout:
                name = f"{name}-dropout"
                layers[name] = Dropout(layer.d_out, rate=node.block.common.dropout)
            if node.name in self.joined:
                keep[name] = node.name
        return Chain(d_in, layers, keep=keep)

    def layer(self, node: Node) -> SequenceLayer:
        """One leaf or structure."""
        match structure := node.block.structure:
            case None:
                return self.leaf(node)
            case structures.Skip() if node.link is not None:
                link = node.link
                merge = structure.merge
                return Skip(node.d_in, key=link.source, between=link.between, width=link.width, merge=merge)
            case structures.Parallel():
                branches = [self.chain(branch, node.d_in, node.name) for branch in node.branches]
                return Parallel(branches, merge=structure.merge, gate=structure.gate)
        if isinstance(structure, structures.PerColumn):
            inner = self.chain(node.branches[0], node.d_in // structure.columns, node.name)
            return PerColumn(inner, structure.columns)
        inner = self.chain(node.branches[0], node.d_in, node.name)
        match structure:
            case structures.Residual():
                return Residual(
                    inner,
                    norm_kind=structure.norm,
                    post_norm=structure.post_norm,
                    scale=structure.scale,
                    learn_scale=structure.learn_scale,
                    project=structure.project,
                )
            case structures.Repeat():
                return SharedRepeat(inner, structure.times)
            case structures.Resample():
                return Resample(inner, factor=structure.factor, keep=structure.keep)
            case structures.Reversible():
                return Reversible(inner)
        raise TypeError(f"block '{node.name}' ({node.block.type}) has no layer")

    def leaf(self, node: Node) -> SequenceLayer:
        """A component; a cell becomes a layer over time."""
        component, options, recurrent = node.block.component, node.block.options, node.block.recurrent
        if component is None or options is None:
            raise TypeError(f"block '{node.name}' is neither a component nor a structure")
        layer = _construct(component, options, node.d_in)
        if component.spec.kind == "cell":
            if not isinstance(layer, Cell) or recurrent is None:
                raise _wrong_kind(component.ref, layer, "seqhub.nn.Cell")
            self.cells[node.name] = layer
            backward = _construct(component, options, node.d_in) if recurrent.direction == "bidirectional" else None
            layer = self.recurrent(node, layer, backward, recurrent)
        if not isinstance(layer, SequenceLayer):
            raise _wrong_kind(component.ref, layer, "seqhub.nn.SequenceLayer")
        if layer.geometry != node.geometry:
            raise PluginError(
                f"{component.ref}: the layer's geometry {layer.geometry} is not what its config says, {node.geometry}",
                fix="compute both with one function",
                code="E621",
            )
        return layer

    def recurrent(self, node: Node, cell: Cell, backward: Cell | None, options: RecurrentOptions) -> Recurrent:
        """The cell over time, its first values drawn and its noise set."""
        rates = Regularisation(options.input_dropout, options.recurrent_dropout, options.zoneout)
        try:
            if options.init is not None:
                first = Init(**dataclasses.asdict(options.init))
                for one in (cell, backward):
                    if one is not None:
                        init_cell(one, first)
            return Recurrent(
                cell,
                direction=options.direction,
                backward_cell=backward,
                merge=options.merge,
                regularisation=rates,
            )
        except ValueError as error:
            place = place_of(self.places, node.block.path)
            fix = "leave out the option, or take a cell that it suits"
            raise RecipeError(
                f"block '{node.name}' ({node.block.type}): {error}", fix=fix, code="E212", place=place
            ) from error


def _construct(component: Component, options: Config, d_in: int) -> Any:
    """The component's class, called with the fields of its config."""
    target = load_target(component)
    keywords = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    try:
        return target(d_in, **keywords)
    except TypeError as error:
        accepted = ", ".join(inspect.signature(target).parameters)
        raise PluginError(
            f"{component.ref}: {component.spec.target} does not take the options of its config ({error})",
            fix=f"its constructor takes: {accepted}; give it the fields of {type(options).__name__}",
            code="E620",
        ) from error


def _wrong_kind(ref: str, layer: nn.Module, expected: str) -> PluginError:
    return PluginError(
        f"{ref}: its target made a {type(layer).__name__}, which is no {expected}",
        fix=f"make the class a subclass of {expected}",
        code="E622",
    )
