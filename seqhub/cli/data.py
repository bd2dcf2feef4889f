"""`seqhub data RECIPE`, and the catalogue of public sets: `seqhub data list`, `seqhub data get NAME`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from seqhub.cli.options import add_json_argument, add_recipe_arguments

_ACTIONS = ("report", "get", "list")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "seqhub data RECIPE [options] | seqhub data ACTION ..."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    report = actions.add_parser("report", help="what a recipe's data holds; `seqhub data RECIPE` is short for it")
    add_recipe_arguments(report)
    add_json_argument(report)
    get = actions.add_parser("get", help="bring a public data set here, checked")
    get.add_argument("name", metavar="NAME", help="as `seqhub data list` shows it")
    where = "folder that its own folder NAME goes into (default: SEQHUB_DATA, else the cache, where recipes look too)"
    get.add_argument("--dir", type=Path, metavar="DIR", help=where)
    add_json_argument(get)
    add_json_argument(actions.add_parser("list", help="the public data sets of the catalogue"))


def completed(words: Sequence[str]) -> list[str]:
    """What stands behind `seqhub data`, with the action that `seqhub data RECIPE` leaves out."""
    named = [word for word in words if not word.startswith("-")]
    return ["report", *words] if named and named[0] not in _ACTIONS else list(words)


def run(args: argparse.Namespace) -> int:
    if args.action == "report":
        from seqhub.cli.data_report import report

        return report(args)
    from seqhub.cli.data_sets import get_one, list_sets

    return get_one(args) if args.action == "get" else list_sets(args)
