"""Every example of the page on blocks passes `check`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqhub.assembly.plan import check_recipe
from seqhub.plugins import Registry
from seqhub.recipe.fields import options_of
from seqhub.recipe.structures import STRUCTURES

PAGE = Path(__file__).parents[2] / "docs" / "blocks.md"
HEAD = """recipe: 1
name: page
task: {type: forecast, lookback: 64}
data: {source: co2, target: [co2]}
export: {graphs: [full, stream]}
model:
  width: 16
  causal: false
  blocks:
"""


def examples() -> list[tuple[str, str]]:
    """(section, blocks) of each indented piece of the page."""
    found, section, piece = [], "", []
    for line in [*PAGE.read_text(encoding="utf-8").splitlines(), "end"]:
        if line.startswith("    "):
            piece.append(line)
            continue
        if line.startswith("## "):
            section = line[3:]
        if piece and line:
            found.append((section, "\n".join(piece) + "\n"))
            piece = []
    return found


@pytest.mark.parametrize(("section", "blocks"), examples())
def test_an_example_is_sound(section: str, blocks: str, registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "page.yaml"
    path.write_text(HEAD + blocks, encoding="utf-8")
    recipe, plan = check_recipe(path, registry)
    assert recipe.warnings == ()
    assert plan.geometry.streamable


def test_every_structure_has_its_section() -> None:
    assert set(STRUCTURES) <= {section for section, _ in examples()}


def test_every_option_of_a_structure_is_shown() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, cls in STRUCTURES.items():
        missing = [option for option in options_of(cls) if not re.search(rf"\b{option}\b", text)]
        assert not missing, name
