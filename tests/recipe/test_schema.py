"""The JSON Schema: valid itself, accepts what the loader accepts, refuses what a schema can refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from seqhub.cli import main
from seqhub.plugins import Registry
from seqhub.recipe.catalogue import shipped_recipes
from seqhub.recipe.nodes import plain
from seqhub.recipe.schema import recipe_schema
from seqhub.recipe.yaml12 import parse_bytes

GOOD = Path(__file__).parent / "good.yaml"


@pytest.fixture(scope="module")
def validator(registry: Registry) -> Any:
    schema = recipe_schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))


def values(data: bytes) -> Any:
    root, problems = parse_bytes(data, "f")
    assert root is not None, problems
    return plain(root)


def problems(validator: Any, recipe: Any) -> list[str]:
    return [error.message for error in validator.iter_errors(recipe)]


def test_the_sound_recipe_is_valid(validator: Any) -> None:
    assert problems(validator, values(GOOD.read_bytes())) == []


@pytest.mark.parametrize("path", [r.path for r in shipped_recipes()], ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid(path: Path, validator: Any) -> None:
    assert problems(validator, values(path.read_bytes())) == []


def test_what_a_schema_can_refuse_is_refused(broken: Any, validator: Any) -> None:
    if broken.schema:
        assert problems(validator, values(broken.text.encode())) != []


@pytest.mark.parametrize(
    "edit",
    [
        {"task": {"type": "seqhub/forecast", "lookback": 8}},
        {"train": {"optimizer": "sgd", "schedule": {"type": "step", "every": 3}}},
        {"train": {"optimizer": {"lr": 0.5}}},
        {"train": {"monitor": None}},
        {
            "model": {
                "width": 4,
                "blocks": [{"type": "seqhub-cells/gru", "hidden": 3, "name": "a", "direction": "reverse"}],
            }
        },
        {"model": {"width": 4, "blocks": ["norm", {"type": "elman", "hidden": 3}]}},
        {"model": {"width": 4, "blocks": [{"type": "repeat", "times": 2, "blocks": ["norm"]}]}},
    ],
)
def test_other_ways_to_say_it_are_valid(edit: dict[str, Any], validator: Any) -> None:
    assert problems(validator, {**values(GOOD.read_bytes()), **edit}) == []


@pytest.mark.parametrize(
    "edit",
    [
        {"train": {"optimizer": {"momentum": 0.5}}},
        {"train": {"schedule": "step"}},
        {"model": {"width": 4, "blocks": [{"type": "norm", "direction": "reverse"}]}},
        {"model": {"width": 4, "blocks": ["gru"]}},
        {"model": {"width": 4, "blocks": [{"type": "repeat", "times": 2, "repeat": 2, "blocks": ["norm"]}]}},
        {"data": {"source": {"type": "csv"}, "target": ["a"]}},
        {"expect": {"mae": 0.5}},
    ],
)
def test_what_the_loader_refuses_is_refused(edit: dict[str, Any], validator: Any) -> None:
    assert problems(validator, {**values(GOOD.read_bytes()), **edit}) != []


def test_options_carry_help_defaults_and_bounds(registry: Registry) -> None:
    train = recipe_schema(registry)["properties"]["train"]["properties"]
    assert train["epochs"] == {
        "description": "passes over the training data [epochs]",
        "type": "integer",
        "minimum": 1,
        "default": 20,
    }
    assert train["clip"]["anyOf"] == [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]


def test_the_command_writes_the_file_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "schema.json"
    assert main(["schema", "-o", str(path)]) == 0
    assert main(["schema"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"wrote {path}")
    assert out.endswith(path.read_text(encoding="utf-8"))
    assert [p.name for p in tmp_path.iterdir()] == ["schema.json"]


def test_a_folder_that_is_missing_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "-o", str(tmp_path / "no" / "schema.json")]) == 2
    assert "error[E012]: cannot write" in capsys.readouterr().err
