"""The recipes that come with seqhub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqhub.assembly.plan import check_recipe
from seqhub.cli import main
from seqhub.errors import UsageError
from seqhub.plugins import Registry
from seqhub.recipe.catalogue import copy_recipe, find_recipe, shipped_recipes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "recipes"
    for name, text in {
        "forecast/one.yaml": "# yaml-language-server: $schema=x\n# What it shows.\n# More.\ntask: forecast\n",
        "forecast/two.yaml": "recipe: 1\ntask: {type: forecast, lookback: 3}\n",
        "classify/one.yaml": "# Broken.\ntask: [\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_recipe_is_listed_with_its_task_and_first_comment(folder: Path) -> None:
    found = [(r.name, r.task, r.summary) for r in shipped_recipes(folder)]
    assert found == [
        ("classify/one", "?", "Broken."),
        ("forecast/one", "forecast", "What it shows."),
        ("forecast/two", "forecast", ""),
    ]


def test_names_may_be_short_where_they_are_clear(folder: Path) -> None:
    assert find_recipe("two", folder).name == "forecast/two"
    assert find_recipe("forecast/one.yaml", folder).name == "forecast/one"
    with pytest.raises(UsageError, match="write classify/one or forecast/one"):
        find_recipe("one", folder)
    with pytest.raises(UsageError, match="did you mean 'forecast/two'"):
        find_recipe("forecast/tow", folder)
    with pytest.raises(UsageError, match="there are: classify/one"):
        find_recipe("zzz", folder)


def test_a_copy_never_overwrites(folder: Path, tmp_path: Path) -> None:
    recipe = find_recipe("two", folder)
    assert copy_recipe(recipe, tmp_path) == tmp_path / "two.yaml"
    assert copy_recipe(recipe, tmp_path / "mine.yaml").read_bytes() == recipe.path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        copy_recipe(recipe, tmp_path)
    with pytest.raises(UsageError, match="cannot write"):
        copy_recipe(recipe, tmp_path / "no" / "such" / "file.yaml")


@pytest.mark.parametrize("path", [r.path for r in shipped_recipes()], ids=lambda path: path.stem)
def test_every_shipped_recipe_is_sound_and_says_what_it_shows(path: Path, registry: Registry) -> None:
    recipe, _ = check_recipe(path, registry)
    assert recipe.warnings == ()
    (shipped,) = [r for r in shipped_recipes() if r.path == path]
    assert shipped.summary
    assert "\n" not in shipped.summary


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["recipes", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main(["recipes", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(recipe["name"] in shown for recipe in listed)
    name = listed[0]["name"]
    assert main(["recipes", "copy", name]) == 0
    assert Path(Path(name).name + ".yaml").is_file()
    assert main(["recipes", "copy", name]) == 2
    assert main(["recipes", "copy", "no-such-recipe"]) == 2
    assert "error[E010]" in capsys.readouterr().err
