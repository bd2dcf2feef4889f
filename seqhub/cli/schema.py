"""`seqhub schema`: the JSON Schema of recipes with the installed components, or the tables of the recipe reference."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from seqhub.cli.options import add_plugin_arguments
from seqhub.errors import UsageError
from seqhub.plugins import load_registry
from seqhub.recipe.catalogue import write_atomically
from seqhub.recipe.reference import between_marks, reference
from seqhub.recipe.schema import recipe_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to a file instead of stdout")
    parser.add_argument(
        "--markdown", action="store_true", help="the tables of docs/recipes.md; with -o, between its marks"
    )
    parser.add_argument("--json", action="store_true", help="JSON, which it is anyway")
    add_plugin_arguments(parser)


def run(args: argparse.Namespace) -> int:
    registry = load_registry()
    text = (
        reference(registry) if args.markdown else json.dumps(recipe_schema(registry), indent=2, allow_nan=False) + "\n"
    )
    if args.output is None:
        print(text, end="")
        return 0
    if args.markdown and args.output.exists():
        try:
            text = between_marks(args.output.read_text(encoding="utf-8"), registry)
        except ValueError as error:
            raise UsageError(
                f"'{args.output}' has {error}", fix="add both lines, or name a new file", code="E013"
            ) from error
    write_atomically(args.output, text.encode())
    print(f"wrote {args.output}")
    if not args.markdown:
        print(f"editors complete recipes that begin with: # yaml-language-server: $schema={args.output}")
    return 0
