"""`seqhub check RECIPE`: will it run? Every error at once; no torch, no data."""

from __future__ import annotations

import argparse

from seqhub.cli.loading import load_checked
from seqhub.cli.options import add_json_argument, add_recipe_arguments
from seqhub.cli.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    _, recipe, plan = load_checked(args)
    if args.json:
        warnings = [warning.as_dict() for warning in recipe.warnings]
        print_json({"ok": True, "recipe": str(recipe.path), "name": recipe.name, "warnings": warnings})
        return 0
    streams = (
        "streams"
        if plan.geometry.streamable
        else f"does not stream: {plan.geometry.obstacle or 'unbounded look-ahead'}"
    )
    count = "1 block" if len(plan.nodes) == 1 else f"{len(plan.nodes)} blocks"
    print(f"{recipe.path}: ok: {recipe.task.component.spec.name}, {count}, {streams}")
    return 0
