"""What every verb with a RECIPE does first."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path

from seqhub.assembly.plan import ModelPlan, check_recipe
from seqhub.cli.output import print_error
from seqhub.errors import RecipeError
from seqhub.plugins import Registry, load_registry
from seqhub.recipe import Recipe

_NAME = re.compile(r"^name:\s*([A-Za-z0-9._-]+)", re.MULTILINE)


def load_checked(args: argparse.Namespace) -> tuple[Registry, Recipe, ModelPlan]:
    """The recipe of `args`, checked with everything that needs no data; its warnings go to stderr.

    Raises RecipeError with every problem.
    """
    registry = load_registry()
    try:
        recipe, plan = check_recipe(args.recipe, registry, args.overrides, args.smoke)
    except RecipeError as error:
        if files := _files_of_the_run(args):
            raise _with_files(error, files) from None
        raise
    for warning in recipe.warnings:
        print_error(warning.render())
    return registry, recipe, plan


def _files_of_the_run(args: argparse.Namespace) -> list[str]:
    """The files of `--plugin` that the run of this recipe was started with, and this command was not given."""
    try:
        named = _NAME.search(args.recipe.read_text(encoding="utf-8"))
        default = Path("runs", (named[1] if named else "") + ("-smoke" if args.smoke else ""))
        folder = getattr(args, "out", None) or default
        environment = json.loads((folder / "env.json").read_text(encoding="utf-8"))
        given = {str(file.resolve()) for file in args.plugins}
        return [entry["path"] for entry in environment["local_plugins"] if entry["path"] not in given]
    except (OSError, ValueError, LookupError, TypeError):  # no such run, or one of another version
        return []


def _with_files(error: RecipeError, files: list[str]) -> RecipeError:
    """The same error; what is not installed may be in the files that the run was started with."""
    fix = "the run was started with " + " ".join(f"--plugin {file}" for file in files)
    problems = [dataclasses.replace(p, fix=fix) if p.code == "E103" else p for p in error.problems]
    found = RecipeError(error.problems[0].message)
    found.problems = tuple(problems)
    return found
