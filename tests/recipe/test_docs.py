"""The pages on recipes and errors say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqhub.assembly.plan import check_recipe
from seqhub.cli import main
from seqhub.plugins import Registry
from seqhub.recipe.reference import BEGIN, END, between_marks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "recipes.md"
CODE = re.compile(r"\"([EW]\d{3})\"")


def test_the_reference_is_that_of_the_code(registry: Registry) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert between_marks(text, registry) == text, "run: seqhub schema --markdown -o docs/recipes.md"


def test_the_command_makes_the_reference_anew(tmp_path: Path, registry: Registry) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale words\n{END}\nafter\n", encoding="utf-8")
    assert main(["schema", "--markdown", "-o", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n\n### ")
    assert text.endswith(f"{END}\nafter\n")
    assert "stale words" not in text
    page.write_text("no marks\n", encoding="utf-8")
    assert main(["schema", "--markdown", "-o", str(page)]) == 2
    assert page.read_text(encoding="utf-8") == "no marks\n"


def test_the_recipe_of_the_page_is_sound(tmp_path: Path, registry: Registry) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(next(line for line in lines if line.startswith("    recipe: 1")))
    block = lines[first : lines.index("", first)]
    path = tmp_path / "page.yaml"
    path.write_text("\n".join(line[4:] for line in block) + "\n", encoding="utf-8")
    recipe, plan = check_recipe(path, registry)
    assert recipe.warnings == ()
    assert plan.geometry.streamable


def test_the_structures_of_the_page_are_sound(tmp_path: Path, registry: Registry) -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text[text.index("    - type: residual") : text.index("Blocks are called")]
    head = "recipe: 1\nname: a\ntask: {type: forecast, lookback: 8}\ndata: {source: co2, target: [co2]}\n"
    head += "export: {graphs: [full]}\nmodel:\n  width: 64\n  causal: false\n  blocks:\n"
    path = tmp_path / "page.yaml"
    path.write_text(head + shown, encoding="utf-8")
    check_recipe(path, registry)


def codes_in(folder: Path) -> set[str]:
    return {code for file in folder.rglob("*.py") for code in CODE.findall(file.read_text(encoding="utf-8"))}


def test_every_code_has_its_line_and_no_line_is_stale() -> None:
    documented = re.findall(r"^\| ([EW]\d{3}) \|", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), re.M)
    assert len(documented) == len(set(documented))
    used = codes_in(ROOT / "seqhub") | codes_in(ROOT / "plugins")
    assert used - set(documented) == set(), "docs/errors.md lacks these"
    assert set(documented) - used == set(), "docs/errors.md has lines that no code raises"


@pytest.mark.parametrize("page", ["recipes.md", "errors.md"])
def test_pages_are_in_order(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    codes: list[str] = re.findall(r"^\| ([EW]\d{3}) \|", text, re.M)
    assert codes == sorted(codes)
    assert text.endswith("\n")
