"""What `seqhub plugins info` says of a component: everything comes from its spec and its config's fields."""

from __future__ import annotations

import dataclasses
import typing
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from seqhub.api import Config, TaskSpec, Use
from seqhub.cli.output import print_table
from seqhub.plugins import Component
from seqhub.plugins.checks import SIGNS
from seqhub.plugins.locate import locate_class, locate_target


def describe(component: Component) -> dict[str, object]:
    """All that is known of a component without loading its class."""
    spec = component.spec
    return {
        "ref": component.ref,
        "version": component.version,
        "kind": spec.kind,
        "summary": spec.summary,
        "reference": spec.reference,
        "aliases": list(spec.aliases),
        "deprecated": spec.deprecated,
        "flags": dict(spec.flags),
        "target": spec.target,
        "target_at": locate_target(spec.target),
        "config": spec.config.__qualname__,
        "config_at": locate_class(spec.config),
        "options": _options(spec.config),
        "data_options": _options(spec.data) if isinstance(spec, TaskSpec) else [],
        "metrics": dict(spec.metrics) if isinstance(spec, TaskSpec) else {},
    }


def _options(config: type[Config]) -> list[dict[str, object]]:
    """The fields of a config, one row each."""
    hints = typing.get_type_hints(config)
    rows: list[dict[str, object]] = []
    for field in dataclasses.fields(config):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        rows.append(
            {
                "name": field.name,
                "type": type_text(hints[field.name]),
                "required": required,
                "default": None if required else default,
                "bounds": ", ".join(f"{SIGNS[k]} {v}" for k, v in field.metadata.get("bounds", {}).items()),
                "unit": field.metadata.get("unit", ""),
                "help": field.metadata.get("help", ""),
            }
        )
    return rows


def type_text(kind: Any) -> str:
    """A field's type as a recipe's author thinks of it: `int`, `last | mean`, `list of str`, `float or null`."""
    if kind is NoneType:
        return "null"
    if Use in get_args(kind):  # the name alone is what a recipe writes
        return "name"
    if get_origin(kind) is Literal:
        return " | ".join(str(value) for value in get_args(kind))
    if get_origin(kind) in (UnionType, typing.Union):
        return " or ".join(type_text(part) for part in get_args(kind))
    if get_origin(kind) in (list, tuple):
        inner = dict.fromkeys(type_text(part) for part in get_args(kind) if part is not Ellipsis)
        return f"list of {' or '.join(inner)}"
    if get_origin(kind) is not None:
        return str(kind)
    return kind.__name__ if isinstance(kind, type) else str(kind)


def print_component(component: Component) -> None:
    """The same as text."""
    facts = describe(component)
    spec = component.spec
    print(f"{component.ref} {component.version} ({spec.kind}): {spec.summary}")
    said = {True: "yes", False: "no", None: "tested and reported"}
    metrics = spec.metrics.items() if isinstance(spec, TaskSpec) else ()
    lines = {
        "reference": spec.reference,
        "deprecated": spec.deprecated,
        "aliases": ", ".join(spec.aliases),
        "flags": ", ".join(f"{flag}: {said[spec.flags.get(flag)]}" for flag in spec.FLAGS),
        "metrics": ", ".join(f"{metric} ({better} is best)" for metric, better in metrics),
        "class": f"{spec.target}  {facts['target_at']}",
        "options": f"{facts['config']}  {facts['config_at']}",
    }
    for label, text in lines.items():
        if text:
            print(f"  {label:<11}{text}")
    _print_options(_options(spec.config), "")
    if isinstance(spec, TaskSpec):
        _print_options(_options(spec.data), "under `data:`")


def _print_options(options: list[dict[str, object]], title: str) -> None:
    if not options:
        return
    print(f"\n  {title}" if title else "")
    rows = [
        [o["name"], o["type"], "required" if o["required"] else _yaml(o["default"]), o["bounds"], o["unit"], o["help"]]
        for o in options
    ]
    print_table(["option", "type", "default", "bounds", "unit", "meaning"], rows, indent="  ")


def _yaml(value: object) -> str:
    """A default as a recipe would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else repr(list(value)) if isinstance(value, tuple) else str(value)
