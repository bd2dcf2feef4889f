"""Broken recipes: each fault is found where it is, with the edit that mends it, and all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqhub.assembly.plan import check_recipe
from seqhub.cli import main
from seqhub.errors import RecipeError
from seqhub.plugins import Registry


def test_every_fault_has_its_place_and_its_remedy(broken: Any, registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(broken.text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        check_recipe(path, registry)
    problems = caught.value.problems
    found = [(p.code, p.place.line, p.place.column) for p in problems if p.place]
    assert found == [(e.code, e.line, e.column) for e in broken.expected], caught.value.render()
    for problem, expected in zip(problems, broken.expected, strict=True):
        assert expected.says in f"{problem.message} | {problem.fix}"
        assert problem.fix
        assert problem.place
        assert problem.place.file == str(path)
        assert problem.place.text == broken.text.splitlines()[problem.place.line - 1].replace("\t", " ")
    assert caught.value.exit_code == 2


def test_the_command_reports_and_exits_with_2(
    broken: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(broken.text, encoding="utf-8")
    assert main(["check", "recipe.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "internal error" not in err
    for expected in broken.expected:
        assert f"recipe.yaml:{expected.line}:{expected.column}: error[{expected.code}]: " in err
        assert f"       | {' ' * (expected.column - 1)}^  " in err


def test_the_unbroken_recipe_is_sound(registry: Registry) -> None:
    recipe, plan = check_recipe(Path(__file__).parent / "good.yaml", registry)
    assert recipe.warnings == ()
    assert [node.name for node in plan.nodes] == ["block0", "block1", "block2", "block3", "block4"]
