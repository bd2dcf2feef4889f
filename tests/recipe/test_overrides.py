"""`--set`: values by the rules of YAML, paths into lists, errors that name the option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqhub.assembly.plan import check_recipe
from seqhub.errors import RecipeError
from seqhub.plugins import Registry
from seqhub.recipe import Recipe, load_recipe
from seqhub.recipe.resolve import resolved

GOOD = Path(__file__).parent / "good.yaml"


def value(recipe: Recipe, path: str) -> Any:
    found: Any = resolved(recipe)
    for key in path.split("."):
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("train.epochs=9", "train.epochs", 9),
        ("train.epochs=010", "train.epochs", 10),
        ("train.optimizer.lr=3e-4", "train.optimizer.lr", 3e-4),
        ("train.optimizer.lr=1", "train.optimizer.lr", 1.0),
        ("train.optimizer=sgd", "train.optimizer.momentum", 0.9),
        ("train.optimizer={type: sgd, momentum: 0}", "train.optimizer.momentum", 0.0),
        ("train.clip=null", "train.clip", None),
        ("train.clip=", "train.clip", None),
        ("train.patience=4", "train.patience", 4),
        ("model.causal=false", "model.causal", False),
        ("model.blocks.1.hidden=64", "model.blocks.1.hidden", 64),
        ("model.blocks.3.blocks.0.dropout=0.5", "model.blocks.3.blocks.0.dropout", 0.5),
        ("model.blocks.4.branches.1.0.kernel=2", "model.blocks.4.branches.1.0.kernel", 2),
        ("export.graphs=[full]", "export.graphs", ["full"]),
        ("data.target=[co2]", "data.target", ["co2"]),
        ("data.source={type: csv, path: a=b.csv}", "data.source.path", "a=b.csv"),
        ("data.covariates=[on]", "data.covariates", ["on"]),
        ("expect.rmse=<= 2", "expect.rmse", "<= 2.0"),
        ('expect.skill=">= 0.1"', "expect.skill", ">= 0.1"),
        ("name=other", "name", "other"),
    ],
)
def test_values_and_paths(text: str, path: str, expected: object, registry: Registry) -> None:
    recipe = load_recipe(GOOD, registry, [text])
    assert value(recipe, path) == expected
    assert recipe.text == GOOD.read_bytes()


def test_the_last_of_two_wins_and_the_origin_is_told(registry: Registry) -> None:
    recipe = load_recipe(GOOD, registry, ["train.epochs=5", "train.epochs=6"])
    assert recipe.train.epochs == 6
    assert recipe.origins[("train", "epochs")] == "--set train.epochs=6"
    assert recipe.origins[("train", "batch")] == "line 28"
    assert str(recipe.place("train", "epochs")) == "--set train.epochs=6"


def test_a_bare_name_takes_options(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD.read_text().replace("task: {type: forecast, lookback: 64, horizon: 4}", "task: forecast"))
    recipe = load_recipe(path, registry, ["task.lookback=32", "train.schedule.floor=0.1"])
    assert value(recipe, "task.lookback") == 32
    assert recipe.origins[("task", "type")] == "line 4"
    assert recipe.origins[("task", "lookback")] == "--set task.lookback=32"


def test_a_section_that_the_recipe_lacks_is_made(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD.read_text().split("train:")[0])
    recipe = load_recipe(path, registry, ["train.optimizer.lr=0.5", "train.optimizer.type=adam"])
    assert recipe.train.optimizer.lr == 0.5
    assert recipe.train.optimizer.type == "adam"
    assert recipe.train.epochs == 20


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("train.epoch=3", "E102", "did you mean 'epochs'?"),
        ("trian.epochs=3", "E102", "did you mean 'train'?"),
        ("lr=1e-3", "E102", "'lr' belongs at 'train.optimizer.lr'"),
        ("model.blocks.1.hiden=3", "E102", "did you mean 'hidden'?"),
        ("train.epochs=ten", "E104", "expected a whole number, at least 1, got 'ten'"),
        ("train.epochs=true", "E104", "got true"),
        ("model.causal=no", "E104", "write false"),
        ("model.blocks.9.hidden=3", "E113", "entries count from 0: 0 to 4"),
        ("model.blocks.-1.hidden=3", "E113", "entries count from 0"),
        ("model.blocks.gru.hidden=3", "E113", "has no entry 'gru'"),
        ("seed.value=3", "E113", "seed is 7 and has no 'value'"),
        ("train.epochs", "E113", "write it like `--set train.epochs=3`"),
        ("=3", "E113", "is no `path=value`"),
        ("train..epochs=3", "E113", "is no `path=value`"),
        ("expect.skill=>= 0.5", "E106", "quote the value"),
        ("data.target=[co2", "E106", "quote the value"),
        ("train.epochs=!!int 3", "E107", "tag"),
        ("train={epochs: 1, epochs: 2}", "E101", "write it once"),
        ("model.blocks.1.type=gruu", "E103", "did you mean 'gru'"),
        ("expect.wer=<= 1", "E208", "no metric 'wer'"),
        ("model.blocks.2.heads=3", "E201", "does not divide"),
        ("model.blocks.3.blocks.0.hidden=3", "E203", "width 16"),
    ],
)
def test_errors_name_the_option(text: str, code: str, says: str, registry: Registry) -> None:
    with pytest.raises(RecipeError) as caught:
        check_recipe(GOOD, registry, [text])
    (problem,) = caught.value.problems
    assert problem.code == code
    assert says in f"{problem.message} | {problem.fix}"
    if code != "E203":  # a residual that stops fitting is shown in the file
        assert problem.render().startswith(f"--set {text}: error[{code}]: ")


def test_errors_of_options_and_file_come_together(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD.read_text().replace("  epochs: 3", "  epoch: 3"))
    with pytest.raises(RecipeError) as caught:
        check_recipe(path, registry, ["seed=x", "model.widht=3"])
    assert [p.code for p in caught.value.problems] == ["E102", "E104", "E102"]
    assert [p.place.line for p in caught.value.problems if p.place] == [0, 0, 27]
