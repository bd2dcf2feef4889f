"""Where a key belongs that was written in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import ComponentSpec, Config, TaskSpec
from seqhub.recipe.fields import options_of
from seqhub.recipe.sections import DecoderHead, ExportSection, Head, ModelHead, TrainSection
from seqhub.recipe.structures import STRUCTURES
from seqhub.recipe.suggest import SYNONYMS
from seqhub.recipe.types import BLOCK_KINDS, Common, Components, Named, Recurrent, Repeated

_TOP = ("task", "data", "model", "train", "export", "expect")
_FIXED: tuple[tuple[str, type[Config]], ...] = (
    ("", Head),
    ("model", ModelHead),
    ("model.decoder", DecoderHead),
    ("train", TrainSection),
    ("export", ExportSection),
)


def elsewhere(key: str, registry: Components, task: ComponentSpec | None, source: ComponentSpec | None) -> str:
    """A sentence on where the key belongs, or '' if nowhere; the places nearest to the top come first."""
    for word in dict.fromkeys((key, SYNONYMS.get(key, key))):
        found = sorted(
            (path.count("."), path) for path in _paths(task, source) if path.split(" ")[0].endswith(f".{word}")
        )
        if word in _TOP or word in options_of(Head):
            return f"'{word}' belongs at the top of the recipe"
        if found:
            place, _, types = found[0][1].partition(" ")
            return f"'{word}' belongs at '{place}'" + (f", {types}" if types else "")
        if users := _users(word, registry):
            return f"'{word}' is an option of {users} in model.blocks"
    return ""


def _paths(task: ComponentSpec | None, source: ComponentSpec | None) -> Iterator[str]:
    """The dotted path of every option outside the blocks; after a space, which types it is limited to."""
    yield from ("model.blocks", "data.source")
    for prefix, cls in _FIXED:
        yield from _within(cls, prefix)
    if task is not None:
        yield from _within(task.config, "task")
    if isinstance(task, TaskSpec):
        yield from _within(task.data, "data")
        yield from (f"expect.{metric}" for metric in task.metrics)
    if source is not None:
        yield from _within(source.config, "data.source")


def _within(cls: type[Config], prefix: str) -> Iterator[str]:
    for name, option in options_of(cls).items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        inner = {key for variant in option.nested.values() for key in options_of(variant)} - {"type"}
        for key in sorted(inner):
            having = [tag for tag, variant in option.nested.items() if key in options_of(variant)]
            limited = f" for type {' or '.join(having)}" if len(having) < len(option.nested) else ""
            yield f"{path}.{key}{limited}"


def _users(key: str, registry: Components) -> str:
    """The blocks that take the key, in words."""
    if any(key in options_of(cls) for cls in (Common, Named, Repeated)):
        return "the blocks"
    if key in options_of(Recurrent):
        return "the recurrent cells"
    names = [name for name, cls in STRUCTURES.items() if key in options_of(cls)]
    for kind in BLOCK_KINDS:
        names += [c.spec.name for c in registry.components(kind) if key in options_of(c.spec.config)]
    return ", ".join(names[:6])
