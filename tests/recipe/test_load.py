"""What a sound recipe becomes: typed values, origins, defaults, warnings; and what plugins may bring with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from seqhub.api import CellSpec, Config, EncoderSpec, Geometry, SourceSpec, TaskSpec, config, option, window_geometry
from seqhub.assembly.plan import check_recipe
from seqhub.errors import RecipeError
from seqhub.plugins import Component, Registry
from seqhub.recipe import load_recipe
from seqhub.recipe.dump import dump_yaml
from seqhub.recipe.fields import options_of
from seqhub.recipe.resolve import resolved, settings
from seqhub.recipe.sections import AdamW, Cosine, TrainSection

GOOD = Path(__file__).parent / "good.yaml"


def test_sections_are_typed(registry: Registry) -> None:
    recipe = load_recipe(GOOD, registry)
    assert (recipe.name, recipe.seed) == ("base", 7)
    assert recipe.task.component.ref == "seqhub/forecast"
    assert recipe.data.component is recipe.task.component
    assert recipe.source.component.ref == "seqhub/co2"
    assert recipe.train.optimizer == AdamW(lr=1e-3, weight_decay=0.01, type="adamw", betas=(0.9, 0.999))
    assert recipe.train.schedule == Cosine(type="cosine", warmup=10, floor=0.0)
    assert recipe.export.graphs == ("full", "stream")
    assert [str(bound) for bound in recipe.expect] == ["mae <= 0.5"]
    assert recipe.base_dir == GOOD.parent
    assert recipe.text == GOOD.read_bytes()
    assert recipe.place("model", "blocks", 1, "hidden").line == 15
    assert recipe.place("model", "blocks", 1, "bias").line == 15
    assert recipe.place("nowhere", "at", "all").line == 2


@pytest.mark.parametrize(
    ("bound", "inside", "outside"),
    [("<= 0.5", 0.5, 0.6), ("< 0.5", 0.4, 0.5), (">= .5", 0.5, 0.4), ("> 5e-1", 0.6, 0.5)],
)
def test_bounds(bound: str, inside: float, outside: float, registry: Registry) -> None:
    (found,) = load_recipe(GOOD, registry, [f'expect={{mae: "{bound}"}}']).expect
    assert found.holds(inside)
    assert not found.holds(outside)
    assert not found.holds(float("nan"))


def test_a_bound_on_the_wrong_side_is_a_warning(registry: Registry) -> None:
    recipe = load_recipe(GOOD, registry, ['expect={skill: "<= 0.5"}'])
    (warning,) = recipe.warnings
    assert warning.severity == "warning"
    assert warning.code == "W102"
    assert "better when higher" in warning.message


def test_the_resolved_recipe_loads_to_the_same(registry: Registry, tmp_path: Path) -> None:
    changes = ["model.blocks.1.repeat=2", "model.blocks.2.name=look", "model.embed=false"]
    recipe, plan = check_recipe(GOOD, registry, changes)
    path = tmp_path / "resolved.yaml"
    path.write_text(dump_yaml(resolved(recipe)), encoding="utf-8")
    again, same = check_recipe(path, registry)
    assert resolved(again) == resolved(recipe)
    assert [node.name for node in same.nodes] == [node.name for node in plan.nodes]
    assert same.geometry == plan.geometry
    assert again.train == recipe.train
    assert again.model.embed is False
    assert "default" not in {again.origins[s.path] for s in settings(again) if s.path in again.origins}


def test_every_value_has_an_origin(registry: Registry) -> None:
    recipe = load_recipe(GOOD, registry, ["train.batch=4"], smoke=True)
    found = {setting.path: (setting.value, setting.origin) for setting in settings(recipe)}
    assert found[("seed",)] == (7, "line 5")
    assert found[("task", "lookback")] == (64, "line 4")
    assert found[("task", "loss")] == ("seqhub/mse", "default")
    assert found[("model", "blocks", 3, "blocks", 0, "hidden")] == (16, "line 20")
    assert found[("model", "blocks", 4, "branches", 1, 0, "kernel")] == (4, "line 25")
    assert found[("train", "batch")] == (4, "--set train.batch=4")
    assert found[("train", "epochs")] == (1, "--smoke")
    assert found[("train", "limit_batches")] == (2, "--smoke")
    assert found[("train", "optimizer", "betas")] == ([0.9, 0.999], "default")
    assert found[("export", "verify", "tolerance")] == (1e-4, "line 34")
    assert {path for path, _ in found.items()} <= set(recipe.origins)


def test_smoke_changes_the_budget_only(registry: Registry) -> None:
    whole, cut = load_recipe(GOOD, registry), load_recipe(GOOD, registry, smoke=True)
    assert cut.train == dataclasses.replace(whole.train, epochs=1, limit_batches=2)
    assert cut.model == whole.model


def test_unwritten_sections_are_their_defaults(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD.read_text().split("train:")[0], encoding="utf-8")
    recipe = load_recipe(path, registry)
    defaults = {name: o.default for name, o in options_of(TrainSection).items()}
    assert {name: getattr(recipe.train, name) for name in defaults} == defaults
    assert recipe.expect == ()


@pytest.mark.parametrize("cls", [TrainSection, AdamW, Cosine])
def test_every_option_is_documented(cls: type[Config]) -> None:
    assert all(opt.help for opt in options_of(cls).values())


# A registry of one's own: what the options of plugins may look like.


@config
class Inner(Config):
    """A mapping inside a mapping."""

    depth: int = option(default=1, help="a depth", ge=1)


@config
class OddConfig(Config):
    """Every kind of option."""

    sizes: tuple[int, ...] = option(default=(2, 1), help="some sizes", ge=1)
    pair: tuple[float, float] = option(default=(0.0, 1.0), help="a pair")
    weights: dict[str, float] = option(default={}, help="weights by name", ge=0)
    either: int | Literal["auto"] = option(default="auto", help="a number or auto")
    inner: Inner | None = option(default=None, help="a mapping or nothing")
    label: str | None = option(default=None, help="a label")
    dropout: float = option(default=0.25, help="dropout of its own", ge=0, lt=1)

    def __post_init__(self) -> None:
        if self.pair[0] > self.pair[1]:
            raise ValueError(f"pair {self.pair} is not in order")

    def geometry(self, width: int) -> Geometry:
        return window_geometry(width, kernel=self.sizes[0], stride=self.sizes[-1])


@config
class OddTask(Config):
    """A task whose demands on the model are its own."""

    def model_problems(self, geometry: Geometry) -> list[tuple[str, str, str]]:
        return [("type", f"width {geometry.width} is odd", "make it even")] if geometry.width % 2 else []


@pytest.fixture
def odd() -> Registry:
    specs = [
        EncoderSpec(name="odd", target="m:Odd", config=OddConfig, summary="Odd."),
        CellSpec(name="old", target="m:Old", config=Config, summary="Old.", deprecated="use 'odd'"),
        TaskSpec(name="guess", target="m:Guess", config=OddTask, summary="Guess.", metrics={"hits": "max"}),
        SourceSpec(name="none", target="m:None_", config=Config, summary="None."),
    ]
    return Registry([Component(spec, "acme", "1.0") for spec in specs])


def write(tmp_path: Path, *blocks: str, width: int = 8) -> Path:
    path = tmp_path / "r.yaml"
    lines = [
        "recipe: 1",
        "name: odd",
        "task: guess",
        "data: {source: none}",
        "model:",
        f"  width: {width}",
        "  blocks:",
    ]
    path.write_text("\n".join([*lines, *(f"    - {block}" for block in blocks)]) + "\n", encoding="utf-8")
    return path


def test_options_of_every_kind(odd: Registry, tmp_path: Path) -> None:
    text = "{type: acme/odd, sizes: [3, 1], pair: [0, 2], weights: {a: 1}, either: 3, inner: {depth: 2}, dropout: 0}"
    recipe, _ = check_recipe(write(tmp_path, text), odd)
    options = recipe.model.blocks[0].options
    assert isinstance(options, OddConfig)
    assert options.sizes == (3, 1)
    assert options.pair == (0.0, 2.0)
    assert [type(number) for number in options.pair] == [float, float]
    assert options.weights == {"a": 1}
    assert (options.either, options.inner, options.label) == (3, Inner(depth=2), None)
    assert (options.dropout, recipe.model.blocks[0].common.dropout) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "code", "column", "says"),
    [
        (
            "{type: odd, sizes: [1, 0]}",
            "E104",
            30,
            "model.blocks.0.sizes.1: expected a whole number, at least 1, got 0",
        ),
        ("{type: odd, pair: [1]}", "E104", 25, "a list of 2"),
        ("{type: odd, weights: {a: -1}}", "E104", 32, "model.blocks.0.weights.a"),
        ("{type: odd, either: maybe}", "E104", 27, "expected a whole number, or auto, got 'maybe'"),
        ("{type: odd, inner: {deep: 1}}", "E102", 27, "did you mean 'depth'?"),
        ("{type: odd, inner: 3}", "E104", 26, "write a mapping of depth"),
        ("{type: odd, pair: [2, 1]}", "E114", 7, "pair (2.0, 1.0) is not in order"),
        ("{type: odd, sizes: [1, 4]}", "E202", 7, "cannot cover a stride of 4"),
        ("{type: odd, hidden: 3}", "E102", 19, "allowed here: sizes, pair"),
        ("{type: gru}", "E103", 14, "gru"),
    ],
)
def test_faults_in_the_options_of_plugins(
    text: str, code: str, column: int, says: str, odd: Registry, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        check_recipe(write(tmp_path, text), odd)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, 8, column), problem.render()
    assert says in f"{problem.message} | {problem.fix}"


def test_a_task_may_have_demands_on_the_model(odd: Registry, tmp_path: Path) -> None:
    path = write(tmp_path, "{type: odd, sizes: [1, 1]}", width=7)
    with pytest.raises(RecipeError, match="width 7 is odd") as caught:
        check_recipe(path, odd)
    assert (caught.value.problems[0].code, str(caught.value.problems[0].place)) == ("E209", f"{path}:3:7")


def test_a_deprecated_component_is_a_warning_with_its_line(odd: Registry, tmp_path: Path) -> None:
    path = write(tmp_path, "{type: odd, sizes: [1, 1]}", "old")
    recipe, _ = check_recipe(path, odd)
    (warning,) = recipe.warnings
    assert warning.render().startswith(f"{path}:9:7: warning[W101]: cell 'old' is deprecated")
    assert "use 'odd'" in warning.render()
