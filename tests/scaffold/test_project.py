"""What `seqhub plugins new` writes: complete, sound by the project's own linters, all of it or nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import seqhub
from seqhub.cli import main
from seqhub.errors import UsageError
from seqhub.scaffold import KINDS, Names, project_files, write_project


@pytest.mark.parametrize(
    ("given", "component", "dist", "package", "module", "cls"),
    [
        ("leaky-unit", "leaky-unit", "seqhub-leaky-unit", "seqhub_leaky_unit", "leaky_unit", "LeakyUnitCell"),
        ("seqhub-mgu2", "mgu2", "seqhub-mgu2", "seqhub_mgu2", "mgu2", "Mgu2Cell"),
    ],
)
def test_names(given, component, dist, package, module, cls):
    names = Names.of(given, "cell")
    assert (names.component, names.dist, names.package, names.module, names.cls) == (
        *(component, dist, package, module),
        cls,
    )
    assert Names.of(given, "encoder").cls == cls.removesuffix("Cell")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("Leaky", "cannot name a component"),
        ("leaky_unit", "cannot name a component"),
        ("3gu", "cannot name a component"),
        ("leaky--unit", "cannot name a component"),
        ("leaky-", "cannot name a component"),
        ("", "cannot name a component"),
        ("../up", "cannot name a component"),
        ("a" * 41, "40 characters at most"),
        ("class", "'class' cannot name its module"),
        ("match", "'match' cannot name its module"),
        ("plugin", "'plugin' cannot name its module"),
        ("repeat", "a word of the recipe language"),
    ],
)
def test_names_that_are_refused(given, says):
    with pytest.raises(UsageError, match=re.escape(says)) as caught:
        Names.of(given, "cell")
    assert caught.value.problems[0].code == "E001"
    assert caught.value.problems[0].fix


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_sound(kind, tmp_path):
    folder = write_project(Names.of("near-thing", kind), tmp_path, 'Ada "the first" Example')
    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert set(files) == {
        *("pyproject.toml", "README.md", ".gitignore", ".github/workflows/test.yml", "recipes/near-thing.yaml"),
        *(f"src/seqhub_near_thing/{name}" for name in ("__init__.py", "py.typed", "plugin.py", "near_thing.py")),
        "tests/test_conformance.py",
    }
    for path, text in files.items():
        assert not re.findall(r"@[a-z]+@", text), path
        if path.endswith(".py"):
            assert ast.get_docstring(ast.parse(text)), path
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["authors"] == [{"name": 'Ada "the first" Example'}]
    assert project["entry-points"]["seqhub.v1"] == {"near_thing": "seqhub_near_thing.plugin"}
    assert project["dependencies"] == [f"seqhub>={seqhub.__version__},<0.2"]
    assert yaml.safe_load(files["recipes/near-thing.yaml"])["name"] == "near-thing"
    steps = yaml.safe_load(files[".github/workflows/test.yml"])["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step][1:3] == [
        "pytest",
        "seqhub plugins doctor seqhub-near-thing --fast",
    ]
    for words in (("check", "--select", "B,E,F,I,RUF,UP,W"), ("format", "--check")):
        command = [sys.executable, "-m", "ruff", *words, "--isolated", "--line-length", "120", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_no_author_is_no_field():
    assert "authors" not in project_files(Names.of("near-thing", "cell"))["pyproject.toml"]


def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys):
    (tmp_path / "seqhub-near-thing").mkdir()
    assert main(["plugins", "new", "near-thing", "--kind", "cell", "--dir", str(tmp_path)]) == 2
    assert "error[E011]" in capsys.readouterr().err
    assert list((tmp_path / "seqhub-near-thing").iterdir()) == []


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def refuse(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqhub.scaffold.project.os.rename", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_project(Names.of("near-thing", "cell"), tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_name_that_is_taken_is_told_and_the_recipe_is_exact(tmp_path, capsys):
    assert main(["plugins", "new", "gru", "--kind", "cell", "--dir", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "seqhub-cells provides 'gru' already" in captured.err
    assert f"cd {tmp_path / 'seqhub-gru'}" in captured.out
    recipe = yaml.safe_load((tmp_path / "seqhub-gru" / "recipes" / "gru.yaml").read_text())
    assert recipe["model"]["blocks"] == [{"type": "seqhub-gru/gru", "hidden": 32}]


def test_a_first_party_name_is_told_even_where_it_is_not_installed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEQHUB_DISABLE", "seqhub-cells")
    assert main(["plugins", "new", "lstm", "--kind", "cell", "--dir", str(tmp_path), "--json"]) == 0
    assert '"name_taken_by": "seqhub-cells"' in capsys.readouterr().out


def test_the_kind_must_be_said(capsys):
    assert main(["plugins", "new", "near-thing"]) == 2
    assert "--kind" in capsys.readouterr().err
    assert not Path("seqhub-near-thing").exists()
