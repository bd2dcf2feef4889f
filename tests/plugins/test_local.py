"""`--plugin FILE`: a plugin in one file of the user's own, on the command line and nowhere else."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqhub.cli import main
from seqhub.errors import PluginError
from seqhub.plugins import load_registry
from seqhub.plugins.local import local_records, using
from seqhub.training.origins import check_local_files, local_files, provider_differences

BLOCK = """
from seqhub.api import BlockSpec, Config, hookimpl

class Twice:
    pass

@hookimpl
def seqhub_register_blocks():
    yield BlockSpec(name="twice", target="my_block:Twice", config=Config, summary="Twice the input.")
"""
RECIPE = """
recipe: 1
name: plain
task: {type: forecast, lookback: 8}
data: {source: sunspots, target: [sunspots]}
model: {width: 4, blocks: [{type: twice}]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_block.py").write_text(BLOCK)
    (tmp_path / "my.yaml").write_text(RECIPE)
    before = set(sys.modules)
    yield tmp_path
    for module in {"my_block", "my_other"} - before:
        sys.modules.pop(module, None)


def test_a_recipe_may_name_what_the_file_holds(folder, capsys):
    assert main(["check", "my.yaml", "--plugin", "my_block.py"]) == 0
    assert "1 block" in capsys.readouterr().out
    assert main(["check", "my.yaml"]) == 2
    assert "no block type 'twice' is installed" in capsys.readouterr().err


def test_the_components_know_their_file(folder):
    file = folder / "my_block.py"
    with using([file, file]):
        (record,) = local_records()
        component = load_registry().resolve("twice")
        assert load_registry().resolve("twice") == component  # the module runs once
        assert [entry["sha256"] for entry in local_files()] == [hashlib.sha256(file.read_bytes()).hexdigest()]
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (record.dist, record.version, record.group) == ("local-my-block", sha[:12], "local")
    assert component.provider == f"local-my-block/twice=={sha[:12]}"
    assert local_records() == ()


def test_a_changed_file_runs_again(folder):
    file = folder / "my_block.py"
    with using([file]):
        before = load_registry().resolve("twice")
        file.write_text(BLOCK.replace("Twice the input", "Two times the input"))
        after = load_registry().resolve("twice")
    assert (before.spec.summary, after.spec.summary) == ("Twice the input.", "Two times the input.")
    assert before.version != after.version


@pytest.mark.parametrize(
    ("code", "line", "says"),
    [
        ("import os\n\nimport no_such_module\n", 3, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:\n    pass\n", 1, "SyntaxError"),
        (BLOCK.replace("BlockSpec(name", "BlockSpec(nam"), 9, "unexpected keyword argument 'nam'"),
        ("import sys\nsys.exit(2)\n", 2, "SystemExit: 2"),
        (BLOCK.replace("twice", "Twice Over"), 1, "is not of the form"),
        (BLOCK.replace("register_blocks", "register_block"), 1, "did you mean 'seqhub_register_blocks'?"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_with_its_line(folder, capsys, code, line, says):
    (folder / "my_other.py").write_text(code)
    assert main(["check", "my.yaml", "--plugin", "my_other.py", "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["code"], problem["file"], problem["line"]) == ("E607", str(folder / "my_other.py"), line)
    assert says in problem["message"]
    assert problem["fix"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent.py", "there is no file"),
        ("my.yaml", "cannot be a module"),
        ("my-block.py", "cannot be a module"),
        ("json.py", "'json' is the name of another module"),
    ],
)
def test_files_that_cannot_be_plugins(folder, name, says):
    if name != "absent.py":
        (folder / name).touch()
    with pytest.raises(PluginError, match=says) as caught, using([Path(name)]):
        pass
    assert caught.value.problems[0].code == "E607"


def test_a_file_cannot_be_named_in_a_recipe(folder, capsys):
    (folder / "my.yaml").write_text(RECIPE + "plugin: my_block.py\n")
    assert main(["check", "my.yaml", "--plugin", "my_block.py"]) == 2
    assert "unknown key 'plugin'" in capsys.readouterr().err


def test_info_and_schema_take_it_too(folder, capsys):
    assert main(["plugins", "info", "twice", "--plugin", "my_block.py"]) == 0
    out = capsys.readouterr().out
    assert f"my_block:Twice  {folder / 'my_block.py'}:4" in out
    assert main(["schema", "--plugin", "my_block.py"]) == 0
    assert "local-my-block/twice" in capsys.readouterr().out


def test_a_run_that_lacks_its_file_says_which(folder, capsys):
    """A run's folder as the trainer leaves it, then the same recipe without the file."""
    run = folder / "runs" / "plain"
    run.mkdir(parents=True)
    entry = {"dist": "local-my-block", "path": str(folder / "my_block.py"), "sha256": "0" * 64}
    environment = {"components": ["local-my-block/twice==000000000000"], "local_plugins": [entry]}
    (run / "env.json").write_text(json.dumps(environment))
    assert main(["train", "my.yaml"]) == 2
    assert f"the run was started with --plugin {folder / 'my_block.py'}" in capsys.readouterr().err
    with pytest.raises(PluginError, match="uses components of my_block") as caught:
        check_local_files(environment, "runs/plain")
    assert caught.value.problems[0].code == "E608"
    assert caught.value.problems[0].fix == f"add --plugin {folder / 'my_block.py'}"
    with using([folder / "my_block.py"]):
        check_local_files(environment, "runs/plain")
    check_local_files({"components": ["a/b==1"], "local_plugins": [entry]}, "runs/plain")  # given, but not used
    check_local_files({}, "runs/plain")


def test_eval_and_export_say_which_component_changed(folder, capsys, monkeypatch):
    from seqhub.cli.runs import warn_of_versions
    from seqhub.training.folder import RunFolder

    (folder / "env.json").write_text(json.dumps({"components": ["seqhub/mlp==0.0.9", "seqhub/forecast==0.1.0"]}))
    monkeypatch.setattr("seqhub.training.environment.providers", lambda recipe: ["seqhub/mlp==0.1.0"])
    warn_of_versions(RunFolder(folder), None)
    assert capsys.readouterr().err == "seqhub: seqhub/mlp was 0.0.9 when the run began, and is 0.1.0 now\n"
    warn_of_versions(RunFolder(folder / "absent"), None)
    assert capsys.readouterr().err == ""


def test_another_version_is_told():
    before = ["acme/leaky==1.0", "seqhub/csv==0.1.0", "gone/x==1"]
    now = ["acme/leaky==1.1", "seqhub/csv==0.1.0", "new/y==2"]
    assert provider_differences(before, now) == ["acme/leaky was 1.0 when the run began, and is 1.1 now"]
    assert provider_differences(now, now) == []
