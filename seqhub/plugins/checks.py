"""Check the specs that one plugin yields, while it is certain who is to blame."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from seqhub.api import ComponentSpec, Config, LossSpec, MetricSpec, TaskSpec

NAME = re.compile(r"[a-z][a-z0-9-]*")
TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
MODEL_KINDS = ("cell", "attention", "encoder", "block")
COMPARED = ("numbers", "classes", "tokens")  # what losses and metrics may be `on`
# words that recipes use for nesting
STRUCTURES = ("parallel", "per-column", "repeat", "resample", "residual", "reversible", "skip")


def spec_problems(specs: Sequence[ComponentSpec]) -> list[str]:
    """What is wrong with the specs of one plugin, one line each."""
    problems = [f"{spec.kind} {spec.name!r}: {problem}" for spec in specs for problem in _one(spec)]
    return problems + list(_repeats(specs))


def _one(spec: ComponentSpec) -> Iterator[str]:
    for name in (spec.name, *spec.aliases):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield f"name {name!r} is not of the form [a-z][a-z0-9-]*"
        elif spec.kind in MODEL_KINDS and name in STRUCTURES:
            yield f"name {name!r} is a word of the recipe language"
    if not isinstance(spec.target, str) or not TARGET.fullmatch(spec.target):
        yield f"target {spec.target!r} is not of the form 'package.module:Attribute'"
    if not isinstance(spec.summary, str) or not spec.summary.strip() or "\n" in spec.summary:
        yield f"summary {spec.summary!r} is not one line of text"
    for flag, value in spec.flags.items():
        if flag not in spec.FLAGS:
            yield f"flag {flag!r} is unknown; a {spec.kind} has {', '.join(spec.FLAGS) or 'none'}"
        elif value is not None and not isinstance(value, bool):
            yield f"flag {flag!r} is {value!r}, not True, False or None"
    yield from _config(spec.config)
    for example in spec.examples:
        try:
            spec.config(**example)
        except TypeError as error:
            yield f"example {dict(example)}: {error}"
    if isinstance(spec, TaskSpec):
        yield from _config(spec.data)
        for metric, better in spec.metrics.items():
            if better not in ("min", "max"):
                yield f"metric {metric!r} is {better!r}, not 'min' or 'max'"
    if isinstance(spec, LossSpec | MetricSpec) and spec.on not in COMPARED:
        yield f"on {spec.on!r} is not one of {', '.join(COMPARED)}"
    if isinstance(spec, MetricSpec) and spec.better not in ("min", "max"):
        yield f"better {spec.better!r} is not 'min' or 'max'"


def _config(cls: object) -> Iterator[str]:
    if not isinstance(cls, type) or not issubclass(cls, Config):
        yield f"config {cls!r} is not a subclass of seqhub.api.Config"
        return
    if "__dataclass_fields__" not in cls.__dict__ and cls.__annotations__:
        yield f"config {cls.__name__} lacks the decorator @config"
        return
    for field in dataclasses.fields(cls):
        if not field.metadata.get("help"):
            yield f"field {cls.__name__}.{field.name} is not made with option(..., help=...)"
        elif broken := _out_of_bounds(field):
            yield f"field {cls.__name__}.{field.name}: its default {field.default!r} is not {broken}"


def _out_of_bounds(field: dataclasses.Field[object]) -> str:
    """The bound that a numeric default breaks, such as '>= 1', or ''."""
    value, bounds = field.default, field.metadata.get("bounds", {})
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    kept = {"ge": value.__ge__, "gt": value.__gt__, "le": value.__le__, "lt": value.__lt__}
    return next((f"{SIGNS[name]} {bound}" for name, bound in bounds.items() if not kept[name](bound)), "")


SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def _repeats(specs: Sequence[ComponentSpec]) -> Iterator[str]:
    """Names stand once in a plugin: the kinds that a model is made of share one set of names."""
    seen: set[tuple[str, str]] = set()
    for spec in specs:
        space = "model" if spec.kind in MODEL_KINDS else spec.kind
        for name in (spec.name, *spec.aliases):
            if (space, name) in seen:
                yield f"{spec.kind} {name!r}: the name is given twice in this plugin"
            seen.add((space, name))
