"""Options that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """`RECIPE [--set a.b=c ...] [--plugin FILE ...] [--smoke]`: `args.recipe` (Path), `args.overrides` (list of str),
    `args.plugins`, `args.smoke`.
    """
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="path of a recipe (.yaml)")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of the recipe, such as train.epochs=3; may be repeated",
    )
    add_plugin_arguments(parser)
    parser.add_argument("--smoke", action="store_true", help="the same recipe on a tiny budget, to see that it runs")


def add_plugin_arguments(parser: argparse.ArgumentParser) -> None:
    """`--plugin FILE ...`: gives `args.plugins` (list of Path); the command line loads them before the verb runs."""
    parser.add_argument(
        "--plugin",
        dest="plugins",
        action="append",
        type=Path,
        default=[],
        metavar="FILE.py",
        help="use the components of a file of your own, as if it were installed; may be repeated",
    )


def add_precision_argument(parser: argparse.ArgumentParser) -> None:
    """`--precision P`: gives `args.precision`, of a bundle's graphs."""
    parser.add_argument(
        "--precision",
        default="float32",
        metavar="P",
        help="float32, or a reduced one of the bundle: int8, int8-static, fp16",
    )


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """`--json`: gives `args.json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")
