"""`seqhub plugins list | info NAME | doctor [DIST] | new NAME | reference`."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path

from seqhub.cli.describe import describe, print_component
from seqhub.cli.options import add_json_argument, add_plugin_arguments
from seqhub.cli.output import print_json, print_table
from seqhub.plugins import Component, PluginRecord, Registry, load_registry, scan_plugins
from seqhub.plugins.checks import MODEL_KINDS
from seqhub.plugins.records import normalise

OTHER_KINDS = ("source", "task", "loss", "metric", "head", "tokenizer")
KINDS = ("cell", "attention", "encoder")  # what `new` can make


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("list", help="what is installed; imports no plugin")
    listing.add_argument("--load", action="store_true", help="import each plugin module and say what it registers")
    listing.add_argument("--requirements", action="store_true", help="print one pinned line a distribution")
    info = actions.add_parser("info", help="a component's options, flags, reference and place; loads no torch")
    info.add_argument("name", metavar="NAME", help="a component (gru, seqhub-cells/gru) or a distribution")
    doctor = actions.add_parser("doctor", help="why a plugin did not load, or breaks its promises; exit 1 on a finding")
    doctor.add_argument("dist", metavar="DIST", nargs="?", help="one distribution; all where it is left out")
    depth = doctor.add_mutually_exclusive_group()
    depth.add_argument(
        "--fast", action="store_true", help="run the conformance checks of each component, but no graphs"
    )
    depth.add_argument("--full", action="store_true", help="run every conformance check, both ONNX graphs included")
    new = actions.add_parser("new", help="write a distribution with a component that works, to start from")
    new.add_argument("name", metavar="NAME", help="of the component, such as leaky-unit; its folder is seqhub-NAME")
    new.add_argument("--kind", choices=KINDS, required=True, help="what to make")
    new.add_argument("--author", default="", metavar="TEXT", help="name for the package's metadata")
    new.add_argument(
        "--dir", type=Path, default=Path(), metavar="DIR", help="where to write the folder (default: here)"
    )
    reference = actions.add_parser("reference", help="hooks, fields of specs and checks, from their documentation")
    reference.add_argument("--markdown", action="store_true", help="Markdown, which it is anyway")
    reference.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to a file instead of stdout")
    for action in (listing, info):
        add_plugin_arguments(action)
    for action in (listing, info, doctor, new):
        add_json_argument(action)


def run(args: argparse.Namespace) -> int:
    own = {"list": _list, "info": _info}
    if args.action in own:
        return own[args.action](args)
    return int(importlib.import_module(f"seqhub.cli.plugins_{args.action}").run(args))


def _list(args: argparse.Namespace) -> int:
    registry = load_registry(notify=lambda line: None) if args.load or args.plugins else None
    records = scan_plugins() if registry is None else registry.records
    if args.requirements:
        print("\n".join(sorted({f"{r.dist}=={r.version}" for r in records})))
    elif args.json:
        print_json([_listed(record, registry) for record in records])
    else:
        headers = ["distribution", "version", "api", "state", "module"] + ["components"] * (registry is not None)
        rows = [[r.dist, r.version, r.group or "built-in", r.state, r.value] for r in records]
        if registry is not None:
            rows = [[*row, ", ".join(_names(r, registry))] for row, r in zip(rows, records, strict=True)]
        print_table(headers, rows)
        for record in records:
            if not record.healthy:
                print(f"\n{record.line()}\n  fix: {record.fix}")
    return 0


def _listed(record: PluginRecord, registry: Registry | None) -> dict[str, object]:
    return record.as_dict() | ({"components": _names(record, registry)} if registry is not None else {})


def _names(record: PluginRecord, registry: Registry) -> list[str]:
    return [component.spec.name for component in registry.components() if component.plugin == record.key]


def _info(args: argparse.Namespace) -> int:
    registry = load_registry()
    of_dist = [c for c in registry.components() if c.dist == normalise(args.name)]
    records = [record for record in registry.records if record.dist == normalise(args.name)]
    found = of_dist if records else _components(args.name, registry)
    if args.json:
        print_json({"plugins": [r.as_dict() for r in records], "components": [describe(c) for c in found]})
    elif records:
        rows = [[r.dist, r.version, r.state, r.value] for r in records]
        print_table(["distribution", "version", "state", "module"], rows)
        print()
        print_table(["component", "kind", "summary"], [[c.spec.name, c.spec.kind, c.spec.summary] for c in found])
    else:
        for component in found:
            print_component(component)
    return 0 if all(record.healthy for record in records) else 1


def _components(name: str, registry: Registry) -> list[Component]:
    """The component that a recipe would get, then those of other kinds or distributions that share the name."""
    kinds: Sequence[Sequence[str]] = (MODEL_KINDS, *((kind,) for kind in OTHER_KINDS))
    short = name.rpartition("/")[2]
    known = {c.spec.kind for c in registry.components() if short in (c.spec.name, *c.spec.aliases)}
    wanted = [group for group in kinds if known.intersection(group)] or [(*MODEL_KINDS, *OTHER_KINDS)]
    return [registry.resolve(name, group) for group in wanted]
