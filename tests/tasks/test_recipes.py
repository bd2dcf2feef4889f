"""The recipes that come with seqhub: documented, checked, and inside the band that they promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seqhub.runtime
from seqhub.cli import main
from seqhub.plugins import load_registry
from seqhub.recipe import Recipe, load_recipe

ROOT = Path(__file__).parents[2]
# those under hybrid/ show an architecture, and promise no number: tests/hybrid holds them
RECIPES = sorted(path for path in (ROOT / "recipes").rglob("*.yaml") if path.parent.name != "hybrid")
NAMES = [path.stem for path in RECIPES]


def needs_files(path: Path) -> bool:
    """It names files that do not come with seqhub; its header says so."""
    return "SEQHUB_DATA" in path.read_text(encoding="utf-8").split("\nrecipe: 1")[0]


no_files = pytest.mark.skipif("SEQHUB_DATA" not in os.environ, reason="SEQHUB_DATA names no folder of data")
READABLE = [pytest.param(path, id=path.stem, marks=[no_files] * needs_files(path)) for path in RECIPES]


TRAINED = "bag-of-words"  # not naive: a trained model of its own, which few short texts favour


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


@pytest.mark.parametrize("path", READABLE)
def test_its_data_can_be_read_and_its_baselines_are_in_its_header(path, capsys):
    assert main(["data", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert not [warning for warning in report["warnings"] if "never changes" in warning]
    header = path.read_text(encoding="utf-8").split("\nrecipe: 1")[0]
    metric = load(path).expect[0].metric
    for name, scores in report["baselines"].items():
        shown = scores[metric]
        assert any(f"{shown:.{digits}f}" in header for digits in (0, 2)), f"{name}: {shown}"


@pytest.mark.parametrize("path", READABLE)
def test_the_band_lies_beyond_every_baseline(path, capsys):
    assert main(["data", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for name, scores in report["baselines"].items():
        if name == TRAINED:
            continue
        assert not any(bound.holds(scores[bound.metric]) for bound in load(path).expect)


@pytest.mark.slow
@pytest.mark.parametrize("path", READABLE)
def test_the_whole_road_ends_inside_the_band(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seqhub", "run", str(path), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    bundle = seqhub.runtime.load(tmp_path / "run" / "bundle")
    if "stream" in bundle.manifest.graphs:
        assert worst_streamed(bundle) < 1e-5


def worst_streamed(bundle: seqhub.runtime.Model) -> float:
    """Ragged rows streamed in chunks of 1, 3, 7 and all, against the whole: the largest difference in standard units.
    Where a block of steps gives one output, rows are some blocks long, and some steps.

    Raw CO2 cannot be compared to 1e-5: at 370 ppm one float32 step is 3e-5 ppm.
    """
    scaling = bundle.manifest.raw["scaling"]
    d_out = len(scaling["output_scale"])
    rng = np.random.default_rng(0)
    shift, scale = np.array(scaling["input_shift"]), np.array(scaling["input_scale"])
    block, vocabulary = bundle.manifest.raw["geometry"]["block"], bundle.manifest.vocabulary
    sizes = (3 * block + 37, block + 16, 1, 2 * block + 21)
    rows = [(rng.normal(size=(n, len(shift))).cumsum(0) * scale + shift).astype(np.float32) for n in sizes]
    if vocabulary:
        rows = [rng.integers(0, vocabulary, (n, len(vocabulary))) for n in sizes]
    whole, worst = bundle.outputs(rows), 0.0
    assert sum(map(len, whole)) >= 6
    for size in (1, 3, 7, sizes[0]):
        stream = bundle.stream(batch=len(rows))
        parts = [stream.push([row[at : at + size] for row in rows]) for at in range(0, sizes[0], size)]
        parts.append(stream.flush())
        for row, expected in enumerate(whole):
            got = np.concatenate([part[row] for part in parts])
            assert got.shape == expected.shape
            gap = np.abs(got - expected).reshape(len(got), d_out) / np.array(scaling["output_scale"])
            worst = max(worst, float(gap.max(initial=0.0)))
    return worst


def test_the_report_as_text(capsys):
    path = next(path for path in RECIPES if path.stem == "digits-bigru")
    assert main(["data", str(path)]) == 0
    text = capsys.readouterr().out
    assert "lengths:   min 4, median 6, max 8" in text
    assert "sequences were cut at random to their first steps, 4 at least" in text
    assert "baseline on test" in text
