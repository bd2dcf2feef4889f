"""A recipe as plain values, complete and exact."""

from __future__ import annotations

import dataclasses
from typing import Any

from seqhub.api import Config
from seqhub.recipe.sections import RECIPE_FORMAT
from seqhub.recipe.types import Block, Part, Recipe


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
            "causal": recipe.model.causal,
            "blocks": [_block(block, "") for block in recipe.model.blocks],
        },
        "train": plain_options(recipe.train),
        "export": plain_options(recipe.export),
        "expect": {bound.metric: f"{bound.op} {bound.value!r}" for bound in recipe.expect},
    }


def plain_options(options: Config) -> dict[str, Any]:
    """The fields of a config as YAML has them: tuples as lists, configs as mappings."""
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return plain_options(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _part(part: Part) -> dict[str, Any]:
    return {"type": part.component.ref, **plain_options(part.options)}


def _block(block: Block, parent: str) -> dict[str, Any]:
    name = block.name.removeprefix(f"{parent}.") if parent else block.name
    head: dict[str, Any] = {"type": block.component.ref if block.component else block.type}
    if not name.isdecimal():
        head["name"] = name
    if block.component and block.options is not None:
        common = {k: v for k, v in plain_options(block.common).items() if k not in plain_options(block.options)}
        recurrent = plain_options(block.recurrent) if block.recurrent else {}
        return {**head, **plain_options(block.options), **common, **recurrent}
    if block.structure is not None:
        head.update(plain_options(block.structure))
    if block.type == "parallel":
        branches = [[_block(b, f"{block.name}.b{i}") for b in branch] for i, branch in enumerate(block.branches)]
        return {**head, "branches": branches}
    return {**head, "blocks": [_block(b, block.name) for b in block.branches[0]]}
