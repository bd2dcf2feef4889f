"""Recipes: strict YAML with positions, read into typed sections. No torch, no data."""

from __future__ import annotations

from seqhub.recipe.load import load_recipe
from seqhub.recipe.types import Block, Bound, ModelSection, Part, Recipe

__all__ = ["Block", "Bound", "ModelSection", "Part", "Recipe", "load_recipe"]
