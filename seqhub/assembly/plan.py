"""A recipe's blocks with their widths and receptive fields, and everything that does not fit between them. No torch.

Repeats are unrolled here, but for those that share their weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from seqhub.assembly.ahead import Ahead, leaf_ahead, minds_later_steps, spread_ahead, told
from seqhub.assembly.decoder import needs_decoder, shape_problems, task_problems, with_memory
from seqhub.assembly.head import head_problems
from seqhub.assembly.nodes import DecoderPlan, ModelPlan, Node, every_node, rates, renamed, total
from seqhub.assembly.scope import Scope, missing, name_places
from seqhub.errors import Place, Problem, RecipeError
from seqhub.geometry import (
    INF,
    Geometry,
    identity,
    recurrent_geometry,
    resample_geometry,
    widest,
    window_geometry,
)
from seqhub.recipe.load import Draft, finished, read_draft
from seqhub.recipe.reader import place_of
from seqhub.recipe.structures import Parallel, PerColumn, Repeat, Resample, Residual, Reversible, Skip
from seqhub.recipe.types import Block, Components, DecoderSection, Keys, ModelSection, Part, Recipe

__all__ = ["DecoderPlan", "ModelPlan", "Node", "check_recipe", "every_node", "plan_model"]

_MOST_LEAVES = 2000


def plan_model(recipe: Recipe) -> ModelPlan:
    """The plan of a recipe; RecipeError E2xx with everything that does not fit, sorted by position."""
    planner = _Planner(recipe.places, recipe.model.causal, "stream" in recipe.export.graphs, recipe.model.embed)
    plan = planner.plan(recipe.model, recipe.task)
    if plan is not None:
        planner.check_chunk(plan.geometry, recipe.export.chunk)
    if planner.problems or plan is None:
        raise RecipeError.collect(planner.problems)
    return plan


def check_recipe(
    path: str | Path,
    registry: Components,
    overrides: Iterable[str] = (),
    smoke: bool = False,
    base_dir: Path | None = None,
) -> tuple[Recipe, ModelPlan]:
    """`load_recipe` and `plan_model` at once: one RecipeError holds what is wrong in either."""
    draft = read_draft(path, registry, overrides, smoke)
    problems = list(draft.reader.problems)
    plan = _plan_draft(draft, problems)
    if problems or plan is None:
        raise RecipeError.collect(problems)
    return finished(draft, Path(path), base_dir), plan


def _plan_draft(draft: Draft, problems: list[Problem]) -> ModelPlan | None:
    """Plan as far as the draft is sound; sections that are wrong already are left out of the checks."""
    if draft.model is None:
        return None
    streams = draft.export is not None and "stream" in draft.export.graphs
    planner = _Planner(draft.reader.places, draft.model.causal, streams, draft.model.embed)
    task = draft.task if draft.blocks_complete else None
    plan = planner.plan(draft.model, task)
    if plan is not None and task is not None and draft.export is not None:
        planner.check_chunk(plan.geometry, draft.export.chunk)
    problems += planner.problems
    return plan


@dataclass
class _Planner:
    places: Mapping[Keys, Place]
    causal: bool
    streams: bool
    embed: bool = True
    memory: int = 0  # width of an encoder's outputs, where the blocks can read them: those of a decoder
    problems: list[Problem] = field(default_factory=list)
    reported: set[Keys] = field(default_factory=set)  # a repeat plans its block often, and reports it once
    ahead: dict[Keys, Ahead] = field(default_factory=dict)  # every block that reads later steps
    named: Mapping[str, tuple[Keys, ...]] = field(default_factory=dict)  # where each name stands
    leaves: int = 0

    def plan(self, model: ModelSection, task: Part | None) -> ModelPlan | None:
        if model.decoder is not None or needs_decoder(task):
            self.streams = False  # an encoder reads whole sequences
        nodes = self.stack(model.blocks, model.width)
        if nodes is None:
            return None
        geometry = total(nodes, model.width)
        writer = self._decoder(model, model.decoder, geometry.width) if model.decoder is not None else None
        if task is not None and not self.problems:
            self._ask_task(task, geometry)
            for problem in task_problems(model.decoder, task):
                self.report(*problem)
        if model.head is not None:
            for problem in head_problems(model.head, nodes, geometry.width, writer is not None):
                self.report(*problem)
        return ModelPlan(model.width, nodes, geometry, self.places, self.embed, writer, model.head)

    def _decoder(self, model: ModelSection, decoder: DecoderSection, memory: int) -> DecoderPlan | None:
        """The blocks that write, planned where they can read the encoder's outputs, and step by step alone."""
        writer = _Planner(self.places, True, True, memory=memory, problems=self.problems)
        nodes = writer.stack(decoder.blocks, decoder.width)
        if nodes is None:
            return None
        leaves = [node for node in every_node(nodes) if node.block.component is not None]
        for problem in shape_problems(model, decoder, leaves, memory):
            self.report(*problem)
        return DecoderPlan(decoder, nodes, total(nodes, decoder.width))

    def stack(self, blocks: tuple[Block, ...], width: int) -> tuple[Node, ...] | None:
        """A whole list of blocks."""
        self.named = name_places(blocks)
        return self._nodes(blocks, width, {}, Scope())

    def check_chunk(self, geometry: Geometry, chunk: int | None) -> None:
        """The steps that a stream brings at a time fill blocks, or some of them would wait for ever."""
        if self.problems or not self.streams or not chunk or chunk % geometry.block == 0:
            return
        block = geometry.block
        down = chunk - chunk % block
        message = f"export.chunk {chunk} is no multiple of {block}, the steps that this model answers together"
        near = f"{down} or {down + block}" if down else str(block)
        self.report("E223", message, f"use {near}, or smaller strides", ("export", "chunk"))

    def _ask_task(self, task: Part, geometry: Geometry) -> None:
        """A task's options may define `model_problems(geometry) -> [(field, message, fix)]`. Where it minds that the
        model reads later steps, every block that does is named.
        """
        asks = getattr(task.options, "model_problems", None)
        if asks is None:
            return
        for name, message, fix in asks(geometry):
            self.report("E209", message, fix, ("task", *name.split(".")))
        if minds_later_steps(asks, geometry):
            for path, block in self.ahead.items():
                self.report("E209", f"{block.who} reads later steps: {block.looks}", block.remedy, path)

    def report(self, code: str, message: str, fix: str, path: Keys) -> None:
        problem = Problem(code, message, fix, place_of(self.places, path))
        if problem not in self.problems:
            self.problems.append(problem)

    def _nodes(
        self, blocks: tuple[Block, ...], width: int, names: dict[str, str], scope: Scope
    ) -> tuple[Node, ...] | None:
        """A list of blocks from an input width; None where a width cannot be told.

        names: of the repeats around.  scope: the earlier outputs that a skip in the list may join.
        """
        nodes: list[Node] = []
        so_far = identity(width)
        for block in blocks:
            found = self._block(block, so_far.width, names, scope)
            if found is None:
                return None
            before, so_far = so_far, so_far.then(total(found, so_far.width))
            self._check_spread(block, before, so_far)
            for node in found:
                scope = scope.behind(node.name, node.block.type, node.geometry)
            scope = scope.with_output(block.name, found[-1].name, so_far.width)
            nodes += found
        return tuple(nodes)

    def _block(self, block: Block, width: int, names: dict[str, str], scope: Scope) -> tuple[Node, ...] | None:
        """The nodes of one block: one, but for a repeat, whose turns follow each other."""
        structure = block.structure
        if isinstance(structure, Repeat) and not structure.share:
            return self._turns(block, structure.times, width, names, scope)
        node: Node | None
        match structure:
            case Repeat():
                node = self._shared(block, structure.times, width, names)
            case Residual():
                node = self._residual(block, structure, width, names, scope)
            case Parallel():
                node = self._parallel(block, structure, width, names, scope)
            case Skip():
                node = self._skip(block, structure, width, names, scope)
            case Resample():
                node = self._resample(block, structure, width, names, scope)
            case Reversible():
                node = self._reversible(block, width, names, scope)
            case PerColumn():
                node = self._per_column(block, structure.columns, width, names)
            case None:
                node = self._leaf(block, width, names)
        return None if node is None else (node,)

    def _turns(
        self, block: Block, times: int, width: int, names: dict[str, str], scope: Scope
    ) -> tuple[Node, ...] | None:
        nodes: list[Node] = []
        for turn in range(times):
            inside = {**names, block.name: f"{renamed(block.name, names)}.r{turn}"}
            inner = self._nodes(block.branches[0], width, inside, scope)
            if inner is None:
                return None
            for node in inner:
                scope = scope.behind(node.name, node.block.type, node.geometry)
            nodes += inner
            width = total(inner, width).width
        return tuple(nodes)

    def _leaf(self, block: Block, width: int, names: dict[str, str]) -> Node | None:
        options = block.options
        if options is None:
            raise TypeError(f"block '{block.name}' has neither options nor structure")
        self.leaves += 1
        if self.leaves > _MOST_LEAVES:
            message = f"the repeats make more than {_MOST_LEAVES} blocks"
            self.report("E211", message, "repeat less", ("model", "blocks"))
            return None
        if getattr(options, "reads_memory", False) and not self.memory:
            message = f"block '{block.name}' ({block.type}) reads what an encoder gives, but there is none before it"
            self.report("E222", message, "remove it, or use an attention that reads its own input", block.path)
        if self.memory:
            options = with_memory(options, self.memory)
            block = replace(block, options=options)
        sound = True
        for name, message, fix in options.problems(width):
            sound = False
            self.report("E201", f"{block.type}: {message}", fix, (*block.path, *name.split(".")))
        try:
            geometry = options.geometry(width)
        except ValueError as error:
            if sound:  # else the options have said it better
                self.report("E202", f"{block.type}: {error}", "change its options", block.path)
            return None
        if block.recurrent is not None:
            geometry = recurrent_geometry(geometry, block.recurrent.direction, block.recurrent.merge)
        node = Node(block, renamed(block.name, names), width, geometry)
        self._check_time(node)
        return node

    def _check_time(self, node: Node) -> None:
        """The promises of the recipe, causality and streaming, against one leaf."""
        geometry, block = node.geometry, node.block
        if node.block.path in self.reported:
            return
        who = told(block)
        if not geometry.causal:
            self.ahead[block.path] = leaf_ahead(block, geometry, self.streams)
        if self.causal and not geometry.causal:
            self.reported.add(block.path)
            looks, remedy = self.ahead[block.path].looks, self.ahead[block.path].remedy
            message = f"model.causal is true, but in {who}: {looks}"
            if self.memory:
                self.report("E214", f"a decoder writes step by step, but in {who}: {looks}", remedy, block.path)
            else:
                self.report("E206", message, f"{remedy}, or set model.causal: false", block.path)
        elif self.streams and not geometry.streamable:
            self.reported.add(block.path)
            why = geometry.obstacle or "it looks ahead without end"
            fix = geometry.remedy or "use a block that streams"
            if self.memory:
                self.report("E214", f"a decoder writes step by step, but in {who}: {why}", fix, block.path)
            else:
                fix = f"{fix}, or set export.graphs: [full]"
                self.report("E207", f"the stream graph cannot hold {who}: {why}", fix, block.path)

    def _check_spread(self, block: Block, before: Geometry, after: Geometry) -> None:
        """Joined steps that are spread out again know the later ones among them."""
        if after.causal or not before.causal or after.future:
            return
        if any(path[: len(block.path)] == block.path for path in self.ahead):  # a block inside has said it
            return
        found = self.ahead[block.path] = spread_ahead(block, after.block)
        if self.causal:
            message = f"model.causal is true, but {found.who} {found.looks}"
            self.report("E206", message, f"{found.remedy}, or set model.causal: false", block.path)

    def _inside(
        self, block: Block, width: int, names: dict[str, str], scope: Scope
    ) -> tuple[tuple[Node, ...], Geometry] | None:
        """The blocks of a structure that must give one step a step, and their sum."""
        inner = self._nodes(block.branches[0], width, names, scope)
        if inner is None:
            return None
        geometry = total(inner, width)
        if geometry.ratio == 1:
            return inner, geometry
        verb = {"residual": "adds its input to", "reversible": "gives back", "resample": "spreads out again"}[
            block.type
        ]
        message = f"{block.type} {verb} {geometry.ratio} output steps per input step: {rates(inner)}"
        fix = f"move what changes the number of steps out of the {block.type}"
        if any(node.geometry.ratio > 1 for node in inner):
            fix = f"choose strides and factors that undo each other, or {fix}"
        self.report("E203", message, fix, block.path)
        return None

    def _residual(
        self, block: Block, residual: Residual, width: int, names: dict[str, str], scope: Scope
    ) -> Node | None:
        found = self._inside(block, width, names, scope)
        if found is None:
            return None
        inner, geometry = found
        if geometry.width != width and not residual.project:
            message = f"residual adds its input of width {width} to an output of width {geometry.width}"
            fix = (
                f"end its blocks with width {width}, set project: true, or give the block before width {geometry.width}"
            )
            self.report("E203", message, fix, block.path)
            geometry = geometry.with_width(width)
        return Node(block, renamed(block.name, names), width, geometry, (inner,))

    def _reversible(self, block: Block, width: int, names: dict[str, str], scope: Scope) -> Node | None:
        found = self._inside(block, width, names, scope)
        if found is None:
            return None
        inner, geometry = found
        if geometry.width != width:
            message = f"reversible undoes the normalisation of width {width} on an output of width {geometry.width}"
            self.report("E203", message, f"end its blocks with width {width}", block.path)
        statistics = Geometry(width=width, past=INF)
        return Node(block, renamed(block.name, names), width, statistics.then(geometry.with_width(width)), (inner,))

    def _resample(
        self, block: Block, resample: Resample, width: int, names: dict[str, str], scope: Scope
    ) -> Node | None:
        name, factor = renamed(block.name, names), resample.factor
        slower = scope.behind(name, block.type, window_geometry(width, kernel=factor, stride=factor))
        found = self._inside(block, width, names, slower)
        if found is None:
            return None
        inner, geometry = found
        return Node(block, name, width, resample_geometry(geometry, factor), (inner,))

    def _per_column(self, block: Block, columns: int, width: int, names: dict[str, str]) -> Node | None:
        """The inside is planned for one column. It sees no name outside, and no memory."""
        if self.memory:
            message = "per-column makes rows of columns, which cannot attend to what an encoder gives"
            self.report("E214", message, "use it before the decoder", block.path)
            return None
        if width % columns:
            message = f"a step of width {width} is not {columns} columns of one width"
            fix = "set model.embed: false and model.width to the number of columns that are read"
            self.report("E203", message, fix, (*block.path, "columns"))
            return None
        inner = self._nodes(block.branches[0], width // columns, names, Scope(closed="a per-column"))
        if inner is None:
            return None
        geometry = total(inner, width // columns)
        return Node(block, renamed(block.name, names), width, geometry.with_width(columns * geometry.width), (inner,))

    def _shared(self, block: Block, times: int, width: int, names: dict[str, str]) -> Node | None:
        inner = self._nodes(block.branches[0], width, names, Scope(closed="a repeat that shares its weights"))
        if inner is None:
            return None
        turn = total(inner, width)
        if turn.width != width:
            message = f"repeat with share: true feeds its output of width {turn.width} back into width {width}"
            fix = f"end its blocks with width {width}, or set share: false"
            self.report("E203", message, fix, block.path)
            turn = turn.with_width(width)
        geometry = identity(width)
        for _ in range(times):
            geometry = geometry.then(turn)
        return Node(block, renamed(block.name, names), width, geometry, (inner,))

    def _skip(self, block: Block, skip: Skip, width: int, names: dict[str, str], scope: Scope) -> Node | None:
        name = renamed(block.name, names)
        link = scope.links.get(skip.block)
        if link is None:
            message, fix = missing(skip.block, block.path, scope, self.named)
            self.report("E220", message, fix, (*block.path, "block"))
            return None
        if link.between.ratio != 1:
            message = f"skip joins '{skip.block}' to {link.between.ratio} of its steps: {'; '.join(link.changes)}"
            fix = "choose strides and factors that undo each other, or name a block at this rate"
            self.report("E221", message, fix, block.path)
            return None
        joined = width + link.width if skip.merge == "concat" else width
        if skip.merge != "concat" and link.width != width:
            message = (
                f"merge: {skip.merge} needs one width, but '{skip.block}' has {link.width} and stands before {width}"
            )
            fix = f"make both widths equal, or set merge: concat (width {width + link.width})"
            self.report("E221", message, fix, (*block.path, "merge"))
        return Node(block, name, width, identity(joined), link=link)

    def _parallel(
        self, block: Block, parallel: Parallel, width: int, names: dict[str, str], scope: Scope
    ) -> Node | None:
        planned = [self._nodes(branch, width, names, scope) for branch in block.branches]
        branches = tuple(branch for branch in planned if branch is not None)
        if len(branches) < len(planned):
            return None
        geometries = [total(branch, width) for branch in branches]
        ratios = [geometry.ratio for geometry in geometries]
        if len(set(ratios)) > 1:
            message = f"the branches of parallel give {', '.join(map(str, ratios))} output steps per input step"
            self.report("E204", message, "give every branch the same stride", (*block.path, "branches"))
            return None
        if parallel.merge == "gated" and ratios[0] != 1:
            message = f"merge: gated weighs step by step, but the branches give {ratios[0]} output steps per input step"
            self.report("E204", message, "use another merge, or no strides in the branches", (*block.path, "merge"))
            return None
        widths = [geometry.width for geometry in geometries]
        if parallel.merge != "concat" and len(set(widths)) > 1:
            message = f"merge: {parallel.merge} needs branches of one width, got {', '.join(map(str, widths))}"
            fix = f"end every branch with the same width, or set merge: concat (width {sum(widths)})"
            self.report("E205", message, fix, (*block.path, "merge"))
        merged = sum(widths) if parallel.merge == "concat" else widths[0]
        return Node(block, renamed(block.name, names), width, widest(geometries, merged), branches)
