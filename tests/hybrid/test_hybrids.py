"""The published hybrids: each recipe is sound, says where it comes from, trains, and ships as proven graphs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from seqhub.assembly.cost import count_parameters, model_costs
from seqhub.assembly.plan import check_recipe
from seqhub.nn.ends import Ends
from seqhub.plugins import load_registry
from seqhub.training.claim import claim_folder
from seqhub.training.display import Display
from seqhub.training.run import train_run
from seqhub.training.stopping import StopRequest

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "hybrid").glob("*.yaml"))
# One of each kind of end and of each mixture is exported whenever the tests run, with one turn of its repeats; the
# others, and these in their full depth, in the slow tests. A translation has a road of its own in tests/tasks.
ALWAYS = {
    "griffin": ["model.blocks.0.blocks.0.times=1"],
    "conformer": ["model.blocks.4.times=1"],
    "lstm-fcn": [],
    "segrnn": [],
}


def test_the_list_is_whole():
    assert len(RECIPES) >= 18
    assert {path.stem for path in RECIPES} >= set(ALWAYS)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_its_source_and_what_differs(path: Path):
    head = path.read_text(encoding="utf-8").split("\nrecipe: 1")[0]
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|doi:10\.", head), "no source"
    assert "# Differs: " in head
    assert f"seqhub run recipes/hybrid/{path.name}" in head
    recipe, plan = check_recipe(path, load_registry())
    assert recipe.name == path.stem
    assert len(plan.nodes) >= 1


def ship(path: Path, out: Path, overrides: list[str] | None = None) -> None:
    """Train a few steps, export every graph that the recipe names, prove it, and answer by it."""
    from seqhub.cli.road import finish

    torch.set_num_threads(1)
    recipe, _ = check_recipe(path, load_registry(), overrides or (), smoke=True)
    display = Display()
    stop = StopRequest(display.say)
    with claim_folder(out, recipe, ("train", "evaluate", "export", "predict"), fresh=False) as claim:
        trained = train_run(recipe, claim, display, stop)
        result = finish(trained, display)
    assert all(torch.isfinite(parameter).all() for parameter in trained.model.parameters())
    assert set(result.metrics) == set(result.torch)
    assert (out / "bundle" / "seqhub.json").is_file()
    assert (out / "predictions" / "test.jsonl").stat().st_size > 0


@pytest.mark.heavy
@pytest.mark.parametrize("path", [path for path in RECIPES if path.stem in ALWAYS], ids=lambda path: path.stem)
def test_it_trains_and_ships(path: Path, tmp_path: Path):
    ship(path, tmp_path / "run", ALWAYS[path.stem])


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in RECIPES if ALWAYS.get(path.stem) != []], ids=lambda path: path.stem)
def test_the_others_train_and_ship(path: Path, tmp_path: Path):
    ship(path, tmp_path / "run")


def words(count: int, *, tied: bool) -> Ends:
    """A language model's ends over `count` words."""
    return Ends(
        features=("token",),
        outputs=(count,),
        output_names=tuple(map(str, range(count))),
        input_shift=(0.0,),
        input_scale=(1.0,),
        output_shift=(0.0,) * count,
        output_scale=(1.0,) * count,
        tokens=count,
        tied=tied,
    )


@pytest.mark.parametrize(
    ("name", "overrides", "tied", "published", "within"),
    [
        # arXiv:1708.02182, table 1: 24M on the Penn Treebank
        (
            "awd-lstm",
            ["model.width=400", *(f"model.blocks.{i}.hidden={h}" for i, h in enumerate((1150, 1150, 400)))],
            True,
            24e6,
            0.02,
        ),
        # arXiv:1611.01576, table 2: 18M on the Penn Treebank, 2 layers of 640
        ("qrnn-lm", ["model.width=640", *(f"model.blocks.{i}.hidden=640" for i in range(2))], False, 18e6, 0.02),
    ],
)
def test_parameters_are_those_of_the_paper(
    name: str, overrides: list[str], tied: bool, published: float, within: float
):
    path = next(path for path in RECIPES if path.stem == name)
    _, plan = check_recipe(path, load_registry(), overrides)
    model, _ = model_costs(plan, words(10_000, tied=tied))
    assert count_parameters(model) == pytest.approx(published, rel=within)
