"""The recipes that come with seqhub: documented, checked, and inside the band that they promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seqhub.cli import main
from seqhub.plugins import load_registry
from seqhub.recipe import Recipe, load_recipe

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
NAMES = [path.stem for path in RECIPES]


def load(path: Path) -> Recipe:
    return load_recipe(path, load_registry())


@pytest.mark.parametrize("path", RECIPES, ids=NAMES)
def test_a_recipe_opens_with_what_it_shows_its_command_and_its_numbers(path):
    header = path.read_text(encoding="utf-8").split("\nrecipe: 1")[0]
    assert all(line.startswith("#") for line in header.strip().splitlines())
    for words in ("What it shows:", f"seqhub run {path.relative_to(ROOT)}", "Expected: about", " s on "):
        assert words in header
    recipe = load(path)
    assert recipe.name == path.stem
    assert recipe.expect
    assert recipe.train.threads == 1


@pytest.mark.parametrize("path", RECIPES, ids=NAMES)
def test_its_data_can_be_read_and_its_baselines_are_in_its_header(path, capsys):
    assert main(["data", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert not [warning for warning in report["warnings"] if "never changes" in warning]
    header = path.read_text(encoding="utf-8").split("\nrecipe: 1")[0]
    metric = load(path).expect[0].metric
    for name, scores in report["baselines"].items():
        shown = scores[metric]
        assert any(f"{shown:.{digits}f}" in header for digits in (0, 2)), f"{name}: {shown}"


@pytest.mark.parametrize("path", RECIPES, ids=NAMES)
def test_the_band_lies_beyond_every_baseline(path, capsys):
    assert main(["data", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for scores in report["baselines"].values():
        assert not any(bound.holds(scores[bound.metric]) for bound in load(path).expect)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=NAMES)
def test_the_whole_road_ends_inside_the_band(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seqhub", "run", str(path), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_report_as_text(capsys):
    path = next(path for path in RECIPES if path.stem == "digits-bigru")
    assert main(["data", str(path)]) == 0
    text = capsys.readouterr().out
    assert "lengths:   min 4, median 6, max 8" in text
    assert "sequences were cut at random to their first steps, 4 at least" in text
    assert "baseline on test" in text
