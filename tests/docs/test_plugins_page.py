"""`docs/plugins.md` does what it says: its files are written, its commands are run, its output is compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqhub
from seqhub.cli import main
from tests.plugins.projects import install_project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TRAINS = ("seqhub run", "seqhub train", "pytest", "--fast")  # what takes longer


def steps() -> list[tuple[str, str]]:
    """(language, text) of every block, in the order of the page."""
    return BLOCK.findall(PAGE)


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty folder to work in, with a place beside it that installed distributions go to."""
    (tmp_path / "desk").mkdir()
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    before = set(sys.modules)
    yield tmp_path / "desk"
    for module in set(sys.modules) - before:
        if module.startswith(("my_", "seqhub_leaky_unit")):
            del sys.modules[module]


def follow(desk: Path, *, whole: bool) -> list[str]:
    """Do what the page says; without `whole`, what takes longer is left out. Returns the commands that were run."""
    done = []
    for language, text in steps():
        if language in ("python", "yaml"):
            name = text.partition("\n")[0].removeprefix("# ")
            assert re.fullmatch(r"\w+\.(py|yaml)", name), f"the first line of a block names its file, not {name!r}"
            (desk / name).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                if whole or not any(word in line for word in TRAINS):
                    obey(line, desk)
                    done.append(line)
    return done


def obey(line: str, desk: Path) -> None:
    """One command of the page."""
    words = shlex.split(line)
    if words[0] == "cd":
        os.chdir(words[1])
    elif words[0] == "pip":  # what an editable install leaves behind, without the index
        install_project(Path.cwd(), desk.parent / "site")
    elif words[0] == "pytest":
        path = os.pathsep.join(folder for folder in sys.path if folder)
        environ = {**os.environ, "PYTHONPATH": path}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        assert done.returncode == 0, done.stdout
    else:
        assert words[0] == "seqhub"
        assert main(words[1:]) == 0, line


@pytest.mark.heavy
def test_the_page_as_far_as_it_is_quick(desk, capsys):
    commands = follow(desk, whole=False)
    assert len(commands) >= 9
    out = capsys.readouterr().out
    assert "local-my-cell/my-cell" in out
    assert "wrote seqhub-leaky-unit: the cell 'leaky-unit'" in out
    assert "400" in out  # rows of the sine


@pytest.mark.slow
def test_the_whole_page(desk, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(desk.parent / "site"))  # the exporter is a process of its own
    follow(desk, whole=True)
    assert (desk / "runs" / "my-first" / "bundle" / "stream.onnx").is_file()
    assert (desk / "seqhub-leaky-unit" / "runs" / "leaky-unit-smoke" / "bundle" / "full.onnx").is_file()


def test_every_block_is_of_a_kind_that_is_run():
    assert {language for language, _ in steps()} <= {"python", "yaml", "sh", "text"}


def test_the_table_of_files_is_that_of_the_scaffold():
    from seqhub.scaffold import Names, project_files

    files = project_files(Names.of("leaky-unit", "cell"))
    listed = re.findall(r"^\| `([^`]+)` \| (?!\d)", PAGE.partition("## What you write")[0], re.MULTILINE)
    assert set(listed) == set(files) - {
        *("README.md", ".gitignore", "src/seqhub_leaky_unit/__init__.py", "src/seqhub_leaky_unit/py.typed")
    }
    project = files["pyproject.toml"]
    assert 'leaky_unit = "seqhub_leaky_unit.plugin"' in project
    assert 'dependencies = ["seqhub>=0.1.0,<0.2"]' in project


def test_what_the_doctor_says_of_the_examples():
    """Three green lines: how many checks ran is compared, how long they took is not."""
    block = next(text for language, text in steps() if language == "text" and "checks passed" in text)
    for folder in sorted((ROOT / "examples").glob("seqhub-*")):
        name = folder.name
        component = name.removeprefix("seqhub-")
        assert f"plugin {name} 0.1.0 ({name.replace('-', '_')}.plugin): API seqhub.v1, 1 component in " in block
        assert re.search(rf"^ok   {name}/{component}: \d+ of 50 checks passed \(\d+ n/a\) in", block, re.MULTILINE)


def test_the_reference_is_that_of_the_code(tmp_path):
    from seqhub.cli.plugins_reference import reference

    page = ROOT / "docs" / "plugin-reference.md"
    assert page.read_text(encoding="utf-8") == reference(), "run: seqhub plugins reference -o docs/plugin-reference.md"
    assert main(["plugins", "reference", "--markdown", "-o", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == reference()


def test_the_reference_names_every_hook_spec_and_check():
    from seqhub import api
    from seqhub.plugins.hookspecs import HOOKS
    from seqhub.testing.suite import CHECKS

    text = (ROOT / "docs" / "plugin-reference.md").read_text(encoding="utf-8")
    wanted = [*(f"### `{hook}`" for hook in HOOKS), *(f"| `{check.__name__}` |" for check in CHECKS)]
    wanted += [f"### `{name}`" for name in api.__all__ if name.endswith("Spec") and name != "ComponentSpec"]
    assert [line for line in wanted if line not in text] == []


def test_the_versions_of_the_page():
    assert f"seqhub>={seqhub.__version__},<0.2" in PAGE
