"""A recipe as plain values, complete and exact."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seqhub.api import Config, Use
from seqhub.recipe.sections import RECIPE_FORMAT
from seqhub.recipe.structures import Repeat
from seqhub.recipe.types import Block, DecoderSection, Keys, Part, Recipe


def resolved(recipe: Recipe) -> dict[str, Any]:
    """Every default filled in, every component as `dist/name`; reading it again gives the same recipe."""
    return {
        "recipe": RECIPE_FORMAT,
        "name": recipe.name,
        "seed": recipe.seed,
        "task": _part(recipe.task),
        "data": {"source": _part(recipe.source), **plain_options(recipe.data.options)},
        "model": {
            "width": recipe.model.width,
            "embed": recipe.model.embed,
            "causal": recipe.model.causal,
            **({"head": _plain(recipe.model.head)} if recipe.model.head else {}),
            "blocks": [_block(block, "") for block in recipe.model.blocks],
            **({"decoder": _decoder(recipe.model.decoder)} if recipe.model.decoder else {}),
        },
        "train": plain_options(recipe.train),
        "export": plain_options(recipe.export),
        "expect": {bound.metric: f"{bound.op} {bound.value!r}" for bound in recipe.expect},
    }


@dataclass(frozen=True)
class Setting:
    """One value of a recipe, where it stands and where it came from."""

    path: Keys
    value: Any
    origin: str


def settings(recipe: Recipe) -> tuple[Setting, ...]:
    """Every value, from the top of the recipe to its end."""
    return tuple(Setting(path, value, recipe.origins.get(path, "default")) for path, value in _values(recipe))


def _values(recipe: Recipe) -> Iterator[tuple[Keys, Any]]:
    yield ("name",), recipe.name
    yield ("seed",), recipe.seed
    yield from _part_values(recipe.task, ("task",))
    yield from _part_values(recipe.source, ("data", "source"))
    yield from _leaves(plain_options(recipe.data.options), ("data",))
    yield ("model", "width"), recipe.model.width
    yield ("model", "embed"), recipe.model.embed
    yield ("model", "causal"), recipe.model.causal
    if recipe.model.head is not None:
        yield from _leaves({"head": _plain(recipe.model.head)}, ("model",))
    for block in recipe.model.blocks:
        yield from _block_values(block, recipe)
    if decoder := recipe.model.decoder:
        yield from ((("model", "decoder", name), getattr(decoder, name)) for name in ("width", "bridge", "tied"))
        for block in decoder.blocks:
            yield from _block_values(block, recipe)
    yield from _leaves(plain_options(recipe.train), ("train",))
    yield from _leaves(plain_options(recipe.export), ("export",))
    for bound in recipe.expect:
        yield ("expect", bound.metric), f"{bound.op} {bound.value:g}"


def _part_values(part: Part, path: Keys) -> Iterator[tuple[Keys, Any]]:
    yield (*path, "type"), part.component.ref
    yield from _leaves(plain_options(part.options), path)


def _block_values(block: Block, recipe: Recipe) -> Iterator[tuple[Keys, Any]]:
    if block.type == "repeat" and (*block.path, "times") not in recipe.origins:  # `repeat: n` on the block inside
        (inner,) = block.branches[0]
        yield from _block_values(inner, recipe)
        if isinstance(block.structure, Repeat):
            yield (*block.path, "repeat"), block.structure.times
            yield (*block.path, "share"), block.structure.share
        return
    head = _block_options(block)
    yield (*block.path, "type"), head.pop("type")
    yield from _leaves(head, block.path)
    for branch in block.branches:
        for inner in branch:
            yield from _block_values(inner, recipe)


def _leaves(values: dict[str, Any], path: Keys) -> Iterator[tuple[Keys, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def plain_options(options: Config) -> dict[str, Any]:
    """The fields of a config as YAML has them: tuples as lists, configs as mappings."""
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return plain_options(value)
    if isinstance(value, Use):
        options = plain_options(value.options)
        return {"type": value.ref, **options} if options else value.ref
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _part(part: Part) -> dict[str, Any]:
    return {"type": part.component.ref, **plain_options(part.options)}


def _decoder(decoder: DecoderSection) -> dict[str, Any]:
    options = {name: getattr(decoder, name) for name in ("width", "bridge", "tied")}
    return {**options, "blocks": [_block(block, "decoder") for block in decoder.blocks]}


def _block(block: Block, parent: str) -> dict[str, Any]:
    name = block.name.removeprefix(f"{parent}.") if parent else block.name
    options = _block_options(block)
    head: dict[str, Any] = {"type": options.pop("type")}
    if not name.isdecimal():
        head["name"] = name
    inner: dict[str, Any] = {}
    if block.type == "parallel":
        inner["branches"] = [
            [_block(b, f"{block.name}.b{i}") for b in branch] for i, branch in enumerate(block.branches)
        ]
    elif block.branches:
        inner["blocks"] = [_block(b, block.name) for b in block.branches[0]]
    return {**head, **options, **inner}


def _block_options(block: Block) -> dict[str, Any]:
    """Type and options of a block without those inside; its own option hides a common one of the same name."""
    options: dict[str, Any] = {"type": block.component.ref if block.component else block.type}
    for part in (block.structure, block.recurrent, block.common if block.component else None, block.options):
        options.update(plain_options(part) if part is not None else {})
    return options
