"""`seqhub recipes list | copy NAME [DEST]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqhub.cli.options import add_json_argument
from seqhub.cli.output import print_json, print_table
from seqhub.recipe.catalogue import copy_recipe, find_recipe, shipped_recipes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    add_json_argument(actions.add_parser("list", help="the recipes that come with seqhub"))
    copy = actions.add_parser("copy", help="a copy of one, to change")
    copy.add_argument("name", metavar="NAME", help="as `seqhub recipes list` shows it; the last part is enough")
    copy.add_argument("target", metavar="DEST", type=Path, nargs="?", help="a file or a folder; here by default")
    add_json_argument(copy)


def run(args: argparse.Namespace) -> int:
    if args.action == "copy":
        path = copy_recipe(find_recipe(args.name), args.target)
        print_json({"ok": True, "path": path}) if args.json else print(f"wrote {path}; run it: seqhub run {path}")
        return 0
    found = shipped_recipes()
    if args.json:
        print_json(found)
    elif found:
        print_table(["recipe", "task", "what it shows"], [[r.name, r.task, r.summary] for r in found])
        print("\ncopy one: seqhub recipes copy NAME")
    else:
        print("no recipes are installed")
    return 0
