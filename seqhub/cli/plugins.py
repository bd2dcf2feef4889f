"""`seqhub plugins list | info NAME | doctor [DIST]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from seqhub.cli.describe import describe, print_component
from seqhub.cli.options import add_json_argument
from seqhub.cli.output import print_json, print_table
from seqhub.plugins import Component, PluginRecord, Registry, load_registry, scan_plugins
from seqhub.plugins.checks import MODEL_KINDS
from seqhub.plugins.records import normalise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("list", help="what is installed; imports no plugin")
    listing.add_argument("--load", action="store_true", help="import each plugin module and say what it registers")
    listing.add_argument("--requirements", action="store_true", help="print one pinned line a distribution")
    info = actions.add_parser("info", help="a component's options, flags, reference and place; loads no torch")
    info.add_argument("name", metavar="NAME", help="a component (gru, seqhub-cells/gru) or a distribution")
    doctor = actions.add_parser("doctor", help="why a plugin did not load, or breaks its promises; exit 1 on a finding")
    doctor.add_argument("dist", metavar="DIST", nargs="?", help="one distribution; all where it is left out")
    for action in (listing, info, doctor):
        add_json_argument(action)


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return _list(args)
    if args.action == "info":
        return _info(args)
    from seqhub.cli.findings import print_findings
    from seqhub.cli.health import plugin_findings

    registry = load_registry(notify=lambda line: None)
    return print_findings(plugin_findings(registry, normalise(args.dist or "")), as_json=args.json)


def _list(args: argparse.Namespace) -> int:
    registry = load_registry(notify=lambda line: None) if args.load else None
    records = scan_plugins() if registry is None else registry.records
    if args.requirements:
        print("\n".join(sorted({f"{r.dist}=={r.version}" for r in records})))
    elif args.json:
        print_json([_listed(record, registry) for record in records])
    else:
        headers = ["distribution", "version", "api", "state", "module"] + ["components"] * args.load
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
    kinds: Sequence[Sequence[str]] = (MODEL_KINDS, ("source",), ("task",))
    short = name.rpartition("/")[2]
    known = {c.spec.kind for c in registry.components() if short in (c.spec.name, *c.spec.aliases)}
    wanted = [group for group in kinds if known.intersection(group)] or [(*MODEL_KINDS, "source", "task")]
    return [registry.resolve(name, group) for group in wanted]
