"""A recipe file -> `Recipe`, or one error with everything that is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from seqhub.api import Config, TaskSpec, Use
from seqhub.errors import Place, RecipeError
from seqhub.recipe.atlas import elsewhere
from seqhub.recipe.blocks import BlockReader
from seqhub.recipe.fields import options_of
from seqhub.recipe.nodes import Entry, Mapping, Scalar, describe
from seqhub.recipe.overrides import apply_overrides
from seqhub.recipe.reader import Reader, origin, record_defaults
from seqhub.recipe.sections import RECIPE_FORMAT, DecoderHead, ExportSection, Head, ModelHead, TrainSection
from seqhub.recipe.suggest import choice, nearest
from seqhub.recipe.types import Bound, Components, DecoderSection, ModelSection, Part, Recipe
from seqhub.recipe.uses import metrics_of
from seqhub.recipe.yaml12 import parse_bytes

_C = TypeVar("_C", bound=Config)
_SECTIONS = {
    "task": "what is learnt: see `seqhub plugins list`",
    "data": "where the sequences come from",
    "model": "a mapping of width and blocks",
    "train": "how the model is trained",
    "export": "what is written for deployment",
    "expect": "bounds on the metrics of the test data",
}
_REQUIRED = ("task", "data", "model")
_BOUND = re.compile(r"(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")


@dataclass
class Draft:
    """What could be read: sections that are wrong are None, and `blocks_complete` is False where some block is."""

    reader: Reader
    head: Head | None = None
    task: Part | None = None
    data: Part | None = None
    source: Part | None = None
    model: ModelSection | None = None
    blocks_complete: bool = False
    train: TrainSection | None = None
    export: ExportSection | None = None
    expect: tuple[Bound, ...] | None = None
    text: bytes = b""


def load_recipe(
    path: str | Path,
    registry: Components,
    overrides: Iterable[str] = (),
    smoke: bool = False,
    base_dir: Path | None = None,
) -> Recipe:
    """Read and check a recipe without torch and without its data.

    overrides: `train.epochs=3`, in order.  smoke: the same recipe on a tiny budget.  base_dir: where relative data
    paths begin, by default the recipe's own folder.  Raises RecipeError with every problem, sorted by position.
    """
    draft = read_draft(path, registry, overrides, smoke)
    if draft.reader.problems:
        raise RecipeError.collect(draft.reader.problems)
    return finished(draft, Path(path), base_dir)


def finished(draft: Draft, path: Path, base_dir: Path | None = None) -> Recipe:
    """The recipe of a draft without problems."""
    head, task, data, source = draft.head, draft.task, draft.data, draft.source
    if not (
        head and task and data and source and draft.model and draft.train and draft.export and draft.expect is not None
    ):
        raise RecipeError(f"{path}: incomplete", fix="this is a bug in seqhub: please report it")
    return Recipe(
        path=path,
        base_dir=(base_dir or path.parent).resolve(),
        text=draft.text,
        name=head.name,
        seed=head.seed,
        task=task,
        data=data,
        source=source,
        model=draft.model,
        train=draft.train,
        export=draft.export,
        expect=draft.expect,
        places=draft.reader.places,
        origins=draft.reader.origins,
        warnings=tuple(draft.reader.warnings),
    )


def read_draft(path: str | Path, registry: Components, overrides: Iterable[str] = (), smoke: bool = False) -> Draft:
    """Everything that can be read, with every problem in `reader.problems`; raises nothing."""
    reader = Reader()
    draft = Draft(reader)
    try:
        draft.text = Path(path).read_bytes()
    except OSError as error:
        fix = "check the path, or start from a shipped recipe: `seqhub recipes list`"
        reader.report("E100", f"cannot read the recipe: {error.strerror or error}", fix, Place(str(path), 0))
        return draft
    except ValueError as error:  # a null character in the path
        reader.report("E100", f"cannot read the recipe: {error}", "check the path", Place(str(path), 0))
        return draft
    root, in_yaml = parse_bytes(draft.text, str(path))
    if not isinstance(root, Mapping):
        reader.problems += in_yaml
        return draft
    root, in_overrides = apply_overrides(root, overrides)
    reader.lookup = BlockReader(reader, registry).component
    _Loader(draft, root, registry).read(smoke)
    known = {problem.place for problem in in_yaml}  # a value that YAML refuses has no other faults
    reader.problems = in_yaml + in_overrides + [p for p in reader.problems if p.place not in known]
    return draft


@dataclass
class _Loader:
    draft: Draft
    root: Mapping
    registry: Components

    def read(self, smoke: bool) -> None:
        draft, reader = self.draft, self.draft.reader
        reader.places[()] = self.root.place
        for name, help in _SECTIONS.items():
            if entry := self.root.get(name):
                reader.mark((name,), entry)
            elif name in _REQUIRED and not any(nearest(e.key, [name], 0.7) for e in self.root.entries):
                reader.report("E105", f"the recipe has no '{name}'", f"add '{name}:', {help}", self.root.place)
        draft.head = self._head()
        self._task_and_data()
        self._model()
        draft.train = self._section("train", TrainSection)
        draft.export = self._section("export", ExportSection)
        self._expect()
        self._monitor()
        task = draft.task.component.spec if draft.task else None
        source = draft.source.component.spec if draft.source else None
        reader.finish(lambda key: elsewhere(key, self.registry, task, source))
        if smoke and draft.train:
            before, draft.train = draft.train, draft.train.smoke()
            for name in ("epochs", "limit_batches", "patience"):
                if getattr(before, name) != getattr(draft.train, name):
                    reader.origins[("train", name)] = "--smoke"

    def _head(self) -> Head | None:
        version = self.root.get("recipe")
        if version and isinstance(version.node, Scalar) and version.node.value != RECIPE_FORMAT:
            message = f"this seqhub reads recipe format {RECIPE_FORMAT}, not {describe(version.node)}"
            self.draft.reader.report("E111", message, f"write `recipe: {RECIPE_FORMAT}`", version.node.place)
            ours = Entry(version.place, "recipe", Scalar(version.node.place, str(RECIPE_FORMAT)))
            self.root = Mapping(self.root.place, tuple(ours if e is version else e for e in self.root.entries))
        return self.draft.reader.config(self.root, (), Head, also=_SECTIONS)

    def _part(self, entry: Entry, path: tuple[str, ...], kind: str) -> Part | None:
        """A component with its options, from `{type: name, ...}` or the bare name."""
        reader = self.draft.reader
        names = [component.spec.name for component in self.registry.components(kind)]
        known = f"installed: {choice(names)}"
        node = reader.typed(entry.node, path, f"write the name of a {kind}; {known}")
        tag = None if node is None else reader.tag(node, path, known)
        component = None if tag is None else BlockReader(reader, self.registry).component(tag, (kind,))
        if node is None or tag is None or component is None:
            return None
        reader.origins[(*path, "type")] = origin(tag.place)
        options = reader.config(node, path, component.spec.config, owner=f"{kind} '{tag.text}'", also=["type"])
        return None if options is None else Part(component, options)

    def _task_and_data(self) -> None:
        draft, reader = self.draft, self.draft.reader
        if entry := self.root.get("task"):
            draft.task = self._part(entry, ("task",), "task")
        entry = self.root.get("data")
        node = reader.mapping(entry.node, ("data",), "write a mapping with a source") if entry else None
        if node is None:
            return
        if source := node.get("source"):
            reader.mark(("data", "source"), source)
            draft.source = self._part(source, ("data", "source"), "source")
        elif not any(nearest(e.key, ["source"], 0.7) for e in node.entries):
            names = choice(component.spec.name for component in self.registry.components("source"))
            fix = f"add 'source: ...', one of {names}"
            reader.report("E105", "data has no 'source'", fix, reader.places[("data",)])
        spec = self._task_spec()
        if spec is not None:
            options = reader.config(node, ("data",), spec.data, owner=f"task '{spec.name}'", also=["source"])
            if options is not None and draft.task is not None:
                draft.data = Part(draft.task.component, options)

    def _task_spec(self) -> TaskSpec | None:
        """The task's spec even where its options are wrong, so that `data` is checked all the same."""
        if self.draft.task is not None:
            spec = self.draft.task.component.spec
            return spec if isinstance(spec, TaskSpec) else None
        entry = self.root.get("task")
        tag = entry.node if entry and isinstance(entry.node, Scalar) else None
        if entry and isinstance(entry.node, Mapping) and (typed := entry.node.get("type")):
            tag = typed.node if isinstance(typed.node, Scalar) else None
        quiet = BlockReader(Reader(), self.registry)
        component = quiet.component(tag, ("task",)) if tag is not None and isinstance(tag.value, str) else None
        return component.spec if component and isinstance(component.spec, TaskSpec) else None

    def _model(self) -> None:
        draft, reader = self.draft, self.draft.reader
        entry = self.root.get("model")
        node = reader.mapping(entry.node, ("model",), "write a mapping of width and blocks") if entry else None
        if node is None:
            return
        head = reader.config(node, ("model",), ModelHead, also=["blocks", "decoder"])
        decoder = self._decoder(node)
        listed = node.get("blocks")
        if listed is None:
            if not any(nearest(e.key, ["blocks"], 0.7) for e in node.entries):
                fix = "add 'blocks:' and a list such as `- {type: gru, hidden: 64}`"
                reader.report("E105", "model has no 'blocks'", fix, reader.places[("model",)])
            return
        reader.mark(("model", "blocks"), listed)
        blocks, draft.blocks_complete = BlockReader(reader, self.registry).blocks(listed.node, ("model", "blocks"))
        if head is not None:
            named = head.head if isinstance(head.head, Use) else None
            draft.model = ModelSection(head.width, head.causal, blocks, head.embed, decoder, named)

    def _decoder(self, model: Mapping) -> DecoderSection | None:
        """`model.decoder`, if there is one; where it is wrong, that is reported and the rest is checked without it."""
        reader, path = self.draft.reader, ("model", "decoder")
        entry = model.get("decoder")
        if entry is None or (isinstance(entry.node, Scalar) and entry.node.text in ("null", "~")):
            return None
        reader.mark(path, entry)
        node = reader.mapping(entry.node, path, "write a mapping of width and blocks")
        if node is None:
            return None
        head = reader.config(node, path, DecoderHead, also=["blocks"])
        listed = node.get("blocks")
        if listed is None:
            fix = "add 'blocks:' and a list such as `- {type: bahdanau, hidden: 64}`"
            reader.report("E105", "model.decoder has no 'blocks'", fix, reader.places[path])
            return None
        reader.mark((*path, "blocks"), listed)
        blocks, complete = BlockReader(reader, self.registry).blocks(listed.node, (*path, "blocks"), "decoder")
        return DecoderSection(head.width, head.bridge, head.tied, blocks) if head is not None and complete else None

    def _section(self, name: str, cls: type[_C]) -> _C | None:
        entry = self.root.get(name)
        if entry is None:
            record_defaults(self.draft.reader.origins, (name,), cls())
            return cls()
        node = self.draft.reader.mapping(entry.node, (name,), "write a mapping")
        return None if node is None else self.draft.reader.config(node, (name,), cls)

    def _expect(self) -> None:
        draft, reader, spec = self.draft, self.draft.reader, self._task_spec()
        entry = self.root.get("expect")
        node = reader.mapping(entry.node, ("expect",), 'write {metric: "<= 0.5"}') if entry else None
        metrics = None if spec is None else metrics_of(spec, draft.task.options if draft.task else None)
        found = [self._bound(bound, spec, metrics) for bound in node.entries] if node else []
        draft.expect = tuple(bound for bound in found if bound is not None)

    def _bound(self, entry: Entry, spec: TaskSpec | None, metrics: dict[str, str] | None) -> Bound | None:
        reader, path = self.draft.reader, ("expect", entry.key)
        reader.mark(path, entry)
        reader.origins[path] = origin(reader.places[path])
        better = metrics.get(entry.key) if metrics else None
        if spec is not None and metrics is not None and better is None:
            near = nearest(entry.key, metrics)
            fix = f"did you mean '{near}'?" if near else f"its metrics: {choice(metrics)}"
            if "metrics" in options_of(spec.config) and any(
                c.spec.name == entry.key for c in self.registry.components("metric")
            ):
                fix = f"add it to the task: metrics: [{entry.key}]"
            reader.report("E208", f"task '{spec.name}' has no metric '{entry.key}'", fix, entry.place)
            return None
        text = entry.node.text if isinstance(entry.node, Scalar) else ""
        match = _BOUND.fullmatch(text.strip())
        if match is None:
            operator = ">=" if better == "max" else "<="
            number = text if isinstance(entry.node, Scalar) and isinstance(entry.node.value, int | float) else "0.5"
            message = f"expect.{entry.key}: expected a bound on a number, got {describe(entry.node)}"
            reader.report("E104", message, f'write "{operator} {number}"', entry.node.place)
            return None
        if better is not None and (match[1][0] == ">") != (better == "max"):
            side = "higher" if better == "max" else "lower"
            fix = f'write "{">=" if better == "max" else "<="} {match[2]}" unless this is meant'
            reader.warn(
                "W102", f"{entry.key} is better when {side}: '{text}' holds for the worse models", fix, entry.node.place
            )
        return Bound(entry.key, match[1], float(match[2]), entry.place)  # type: ignore[arg-type]

    def _monitor(self) -> None:
        spec, train, task = self._task_spec(), self.draft.train, self.draft.task
        metrics = {} if spec is None else metrics_of(spec, task.options if task else None)
        if spec is None or train is None or train.monitor is None or train.monitor in metrics:
            return
        near = nearest(train.monitor, metrics)
        fix = f"did you mean '{near}'?" if near else f"its metrics: {choice(metrics)}; or null for the loss"
        place = self.draft.reader.places[("train", "monitor")]
        self.draft.reader.report("E210", f"task '{spec.name}' has no metric '{train.monitor}' to monitor", fix, place)
