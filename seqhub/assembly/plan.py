"""A recipe's blocks with their widths and receptive fields, and everything that does not fit between them. No torch.

Repeats are unrolled here: a plan holds leaves, residuals and parallels only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seqhub.errors import Place, Problem, RecipeError
from seqhub.geometry import INF, Geometry, identity, recurrent_geometry, widest
from seqhub.recipe.load import Draft, finished, read_draft
from seqhub.recipe.reader import place_of
from seqhub.recipe.types import Block, Components, Keys, Parallel, Part, Recipe, Repeat, Residual

_MOST_LEAVES = 2000


@dataclass(frozen=True)
class Node:
    """A block at its place in the model: input width, and what it does to a stream.

    name: unique in the model, as in `block2.r0.1`.  branches: of a residual (one) and a parallel (two or more).
    """

    block: Block
    name: str
    d_in: int
    geometry: Geometry
    branches: tuple[tuple[Node, ...], ...] = ()


@dataclass(frozen=True)
class ModelPlan:
    """What is to be built: the width after the input projection, the blocks in order, and their sum."""

    width: int
    nodes: tuple[Node, ...]
    geometry: Geometry
    places: Mapping[Keys, Place] = field(default_factory=dict, compare=False)  # for what only building can tell


def plan_model(recipe: Recipe) -> ModelPlan:
    """The plan of a recipe; RecipeError E2xx with everything that does not fit, sorted by position."""
    planner = _Planner(recipe.places, recipe.model.causal, "stream" in recipe.export.graphs)
    plan = planner.plan(recipe.model.width, recipe.model.blocks, recipe.task)
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
    planner = _Planner(draft.reader.places, draft.model.causal, streams)
    task = draft.task if draft.blocks_complete else None
    plan = planner.plan(draft.model.width, draft.model.blocks, task)
    problems += planner.problems
    return plan


@dataclass
class _Planner:
    places: Mapping[Keys, Place]
    causal: bool
    streams: bool
    problems: list[Problem] = field(default_factory=list)
    reported: set[Keys] = field(default_factory=set)  # a repeat plans its block often, and reports it once
    leaves: int = 0

    def plan(self, width: int, blocks: tuple[Block, ...], task: Part | None) -> ModelPlan | None:
        nodes = self._nodes(blocks, width, {})
        if nodes is None:
            return None
        geometry = _total(nodes, width)
        if task is not None and not self.problems:
            self._ask_task(task, geometry)
        return ModelPlan(width, nodes, geometry, self.places)

    def _ask_task(self, task: Part, geometry: Geometry) -> None:
        """A task's options may define `model_problems(geometry) -> [(field, message, fix)]`."""
        asks = getattr(task.options, "model_problems", None)
        for name, message, fix in asks(geometry) if asks else ():
            self._report("E209", message, fix, ("task", *name.split(".")))

    def _report(self, code: str, message: str, fix: str, path: Keys) -> None:
        problem = Problem(code, message, fix, place_of(self.places, path))
        if problem not in self.problems:
            self.problems.append(problem)

    def _nodes(self, blocks: tuple[Block, ...], width: int, names: dict[str, str]) -> tuple[Node, ...] | None:
        """A list of blocks from an input width; None where a width cannot be told. `names`: of the repeats around."""
        nodes: list[Node] = []
        for block in blocks:
            if isinstance(block.structure, Repeat):
                for turn in range(block.structure.times):
                    name = _rename(block.name, names)
                    inner = self._nodes(block.branches[0], width, {**names, block.name: f"{name}.r{turn}"})
                    if inner is None:
                        return None
                    nodes += inner
                    width = _total(inner, width).width
                continue
            node = self._node(block, width, names)
            if node is None:
                return None
            nodes.append(node)
            width = node.geometry.width
        return tuple(nodes)

    def _node(self, block: Block, width: int, names: dict[str, str]) -> Node | None:
        if isinstance(block.structure, Residual):
            return self._residual(block, width, names)
        if isinstance(block.structure, Parallel):
            return self._parallel(block, block.structure, width, names)
        return self._leaf(block, width, names)

    def _leaf(self, block: Block, width: int, names: dict[str, str]) -> Node | None:
        options = block.options
        if options is None:
            raise TypeError(f"block '{block.name}' has neither options nor structure")
        self.leaves += 1
        if self.leaves > _MOST_LEAVES:
            message = f"the repeats make more than {_MOST_LEAVES} blocks"
            self._report("E211", message, "repeat less", ("model", "blocks"))
            return None
        sound = True
        for name, message, fix in options.problems(width):
            sound = False
            self._report("E201", f"{block.type}: {message}", fix, (*block.path, *name.split(".")))
        try:
            geometry = options.geometry(width)
        except ValueError as error:
            if sound:  # else the options have said it better
                self._report("E202", f"{block.type}: {error}", "change its options", block.path)
            return None
        if block.recurrent is not None:
            geometry = recurrent_geometry(geometry, block.recurrent.direction, block.recurrent.merge)
        node = Node(block, _rename(block.name, names), width, geometry)
        self._check_time(node)
        return node

    def _check_time(self, node: Node) -> None:
        """The promises of the recipe, causality and streaming, against one leaf."""
        geometry, block = node.geometry, node.block
        if node.block.path in self.reported:
            return
        who = f"block '{block.name}' ({block.type})"
        if self.causal and not geometry.causal:
            self.reported.add(block.path)
            looks = geometry.obstacle or f"looks {geometry.future:g} steps ahead"
            looks = "sees the whole sequence" if geometry.future == INF and not geometry.obstacle else looks
            own = "" if self.streams and geometry.obstacle else _causal_remedy(block)
            remedy = own or geometry.remedy or "use a causal block"
            message = f"model.causal is true, but in {who}: {looks}"
            self._report("E206", message, f"{remedy}, or set model.causal: false", block.path)
        elif self.streams and not geometry.streamable:
            self.reported.add(block.path)
            why = geometry.obstacle or "it looks ahead without end"
            fix = f"{geometry.remedy or 'use a block that streams'}, or set export.graphs: [full]"
            self._report("E207", f"the stream graph cannot hold {who}: {why}", fix, block.path)

    def _residual(self, block: Block, width: int, names: dict[str, str]) -> Node | None:
        inner = self._nodes(block.branches[0], width, names)
        if inner is None:
            return None
        geometry = _total(inner, width)
        if geometry.ratio != 1:
            message = f"residual adds its input to {geometry.ratio} output steps per input step"
            self._report("E203", message, "move what changes the number of steps out of the residual", block.path)
            return None
        if geometry.width != width:
            message = f"residual adds its input of width {width} to an output of width {geometry.width}"
            fix = f"end its blocks with width {width}, or set model.width or the block before to {geometry.width}"
            self._report("E203", message, fix, block.path)
        return Node(block, _rename(block.name, names), width, geometry.with_width(width), (inner,))

    def _parallel(self, block: Block, parallel: Parallel, width: int, names: dict[str, str]) -> Node | None:
        planned = [self._nodes(branch, width, names) for branch in block.branches]
        branches = tuple(branch for branch in planned if branch is not None)
        if len(branches) < len(planned):
            return None
        geometries = [_total(branch, width) for branch in branches]
        if len({geometry.ratio for geometry in geometries}) > 1:
            ratios = ", ".join(str(geometry.ratio) for geometry in geometries)
            fix = "give every branch the same stride"
            message = f"the branches of parallel give {ratios} output steps per input step"
            self._report("E204", message, fix, (*block.path, "branches"))
            return None
        widths = [geometry.width for geometry in geometries]
        if parallel.merge != "concat" and len(set(widths)) > 1:
            message = f"merge: {parallel.merge} needs branches of one width, got {', '.join(map(str, widths))}"
            fix = f"end every branch with the same width, or set merge: concat (width {sum(widths)})"
            self._report("E205", message, fix, (*block.path, "merge"))
        merged = sum(widths) if parallel.merge == "concat" else widths[0]
        return Node(block, _rename(block.name, names), width, widest(geometries, merged), branches)


def _total(nodes: tuple[Node, ...], width: int) -> Geometry:
    total = identity(width)
    for node in nodes:
        total = total.then(node.geometry)
    return total


def _rename(name: str, names: dict[str, str]) -> str:
    """The name inside the unrolled repeats around it: `block2.0` in the second turn of block2 is `block2.r1.0`."""
    for prefix in sorted(names, key=len, reverse=True):
        if name.startswith(f"{prefix}."):
            return names[prefix] + name.removeprefix(prefix)
    return name


def _causal_remedy(block: Block) -> str:
    """The option of the block that makes it causal, if it has one."""
    wanted: tuple[tuple[str, object, Literal["true", "causal"]], ...] = (
        ("causal", False, "true"),
        ("padding", "centred", "causal"),
    )
    for name, now, value in wanted:
        if getattr(block.options, name, None) == now:
            return f"set {name}: {value}"
    return ""
