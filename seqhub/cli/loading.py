"""What every verb with a RECIPE does first."""

from __future__ import annotations

import argparse

from seqhub.assembly.plan import ModelPlan, check_recipe
from seqhub.cli.output import print_error
from seqhub.plugins import Registry, load_registry
from seqhub.recipe import Recipe


def load_checked(args: argparse.Namespace) -> tuple[Registry, Recipe, ModelPlan]:
    """The recipe of `args`, checked with everything that needs no data; its warnings go to stderr.

    Raises RecipeError with every problem.
    """
    registry = load_registry()
    recipe, plan = check_recipe(args.recipe, registry, args.overrides, args.smoke)
    for warning in recipe.warnings:
        print_error(warning.render())
    return registry, recipe, plan
