"""`seqhub data RECIPE`: what the data holds, split by split, and what naive answers score on it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from seqhub.cli.loading import load_checked
from seqhub.cli.output import print_json, print_table

_TABLES = ("columns", "labels", "splits", "examples")


def report(args: argparse.Namespace) -> int:
    """Read, check and split the recipe's data, and print what it is."""
    from seqhub.training.parts import build_task

    _, recipe, _ = load_checked(args)
    task = build_task(recipe)
    task.prepare()
    found = task.describe()
    print_json(found) if args.json else _print(found)
    return 0


def _print(found: Mapping[str, Any]) -> None:
    """Single values on top, then the tables, then what to know."""
    for name, value in found.items():
        if isinstance(value, Mapping) and name != "baselines":
            value = ", ".join(f"{key} {number:g}" for key, number in value.items())
        if not isinstance(value, (Mapping, list)) and value is not None:
            print(f"{name + ':':<11}{value}")
    for name in _TABLES:
        if found.get(name):
            _table(found[name])
    naive = [{"baseline on test": name, **scores} for name, scores in found["baselines"].items()]
    _table(naive)
    for kind in ("notes", "warnings"):
        for line in found[kind]:
            print(f"\n{kind[:-1]}: {line}")


def _table(rows: Sequence[Mapping[str, Any]]) -> None:
    print()
    print_table(list(rows[0]), [list(row.values()) for row in rows])
