"""`seqhub check RECIPE`: will it run? Every error at once; no torch, no data."""

from __future__ import annotations

import argparse

from seqhub.assembly.plan import Node
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
    if plan.decoder is not None:
        shape = f"an encoder of {_blocks(plan.nodes)} and a decoder of {_blocks(plan.decoder.nodes)}"
    elif plan.geometry.streamable:
        shape = f"{_blocks(plan.nodes)}, streams"
    else:
        shape = f"{_blocks(plan.nodes)}, does not stream: {plan.geometry.obstacle or 'unbounded look-ahead'}"
    print(f"{recipe.path}: ok: {recipe.task.component.spec.name}, {shape}")
    return 0


def _blocks(nodes: tuple[Node, ...]) -> str:
    return "1 block" if len(nodes) == 1 else f"{len(nodes)} blocks"
