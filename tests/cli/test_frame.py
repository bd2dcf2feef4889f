"""The frame around the verbs: help, errors, exit codes, JSON."""

from __future__ import annotations

import argparse
import importlib
import io
import json
import sys
import types
from pathlib import Path

import pytest

import seqhub
from seqhub import cli
from seqhub.cli.options import add_recipe_arguments
from seqhub.cli.output import print_json, print_table
from seqhub.errors import (
    BundleError,
    DataError,
    ExpectationMissed,
    ExportError,
    Place,
    PluginError,
    Problem,
    RecipeError,
    RunError,
)


@pytest.fixture
def verb(monkeypatch):
    """Make `seqhub check` do what a test says."""

    def replace(action, arguments=lambda parser: None):
        module = types.ModuleType("fake_verb")
        module.add_arguments = lambda parser: (parser.add_argument("--json", action="store_true"), arguments(parser))
        module.run = action
        monkeypatch.setitem(sys.modules, "fake_verb", module)
        monkeypatch.setitem(cli.VERBS, "check", ("fake_verb", "a stand-in"))

    return replace


def raising(error: BaseException):
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_help_lists_every_verb_and_the_exit_codes(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"    {name} " in text for name in cli.VERBS)
    assert "exit codes: 0 ok" in text


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"seqhub {seqhub.__version__}\n"


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_has_both_functions_and_a_help(name, capsys):
    module = importlib.import_module(cli.VERBS[name][0])
    assert callable(module.add_arguments)
    assert callable(module.run)
    assert cli.main([name, "--help"]) == 0
    assert f"usage: seqhub {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        ([], "the following arguments are required: VERB", "see: seqhub --help"),
        (["chekc", "x.yaml"], "there is no verb 'chekc'", "did you mean 'check'?"),
        (["frobnicate"], "there is no verb 'frobnicate'", "one of: run, check"),
        (["plugins"], "the following arguments are required: ACTION", "see: seqhub plugins --help"),
        (["plugins", "lst"], "invalid choice: 'lst'", "see: seqhub plugins --help"),
        (["plugins", "list", "--jsn"], "unknown argument '--jsn'", "did you mean '--json'?"),
        (["plugins", "list", "--js"], "unknown argument '--js'", "did you mean '--json'?"),
        (["plugins", "list", "surplus"], "unknown argument 'surplus'", "see: seqhub plugins list --help"),
        (["--verson"], "unknown argument", "--version"),
    ],
)
def test_usage_errors_exit_2_with_a_suggestion(words, message, fix, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err or words == ["--verson"]
    assert fix in err or words == ["--verson"]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RecipeError, 2),
        (DataError, 2),
        (PluginError, 2),
        (BundleError, 2),
        (RunError, 1),
        (ExportError, 1),
        (ExpectationMissed, 3),
    ],
)
def test_each_error_has_its_exit_code(verb, capsys, kind, code):
    verb(raising(kind("the lr is 'ten'", fix="write a number")))
    assert cli.main(["check"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error[{kind.default_code}]: the lr is 'ten'\n       write a number\n"


def test_json_holds_every_problem(verb, capsys):
    problems = [Problem("E102", "second", "fix", Place("r.yaml", 9, 3, "lr: ten")), Problem("E101", "first")]
    verb(raising(RecipeError.collect(problems)))
    assert cli.main(["check", "--json"]) == 2
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert (document["ok"], document["exit_code"]) == (False, 2)
    assert [(p["message"], p["line"]) for p in document["problems"]] == [("first", None), ("second", 9)]


def test_usage_errors_come_as_json_too(capsys):
    assert cli.main(["plugins", "list", "--json", "--wrong"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["code"] == "E001"


def test_the_exit_code_of_a_verb_is_passed_on(verb):
    verb(lambda args: 3)
    assert cli.main(["check"]) == 3


def test_ctrl_c_exits_130(verb, capsys):
    verb(raising(KeyboardInterrupt()))
    assert cli.main(["check"]) == 130
    assert capsys.readouterr().err == "seqhub: interrupted\n"


def test_a_reader_that_leaves_is_no_error_message(verb, capfd, monkeypatch):
    """As in `seqhub plugins list | head -1`."""
    stream = io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(cli.os, "dup2", lambda source, target: None)
    verb(raising(BrokenPipeError()))
    assert cli.main(["check"]) == 1
    assert capfd.readouterr().err == ""


def test_what_the_system_refuses_is_told_without_blame(verb, capsys):
    verb(raising(PermissionError(13, "Permission denied", "/root/x")))
    assert cli.main(["check"]) == 1
    assert "error[E003]: '/root/x': Permission denied" in capsys.readouterr().err
    verb(raising(FileNotFoundError(2, "No such file or directory", "gone.csv")))
    assert cli.main(["check"]) == 2
    assert "gone.csv" in capsys.readouterr().err


def test_a_missing_extra_is_named(verb, capsys):
    verb(raising(ModuleNotFoundError("No module named 'torch'", name="torch.nn")))
    assert cli.main(["check"]) == 2
    err = capsys.readouterr().err
    assert "`seqhub check` needs torch, which is not installed" in err
    assert "pip install 'seqhub[train]'" in err


def test_a_bug_goes_to_a_file(verb, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    verb(raising(KeyError("oops")))
    assert cli.main(["check"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("seqhub: internal error: KeyError: 'oops'\n")
    assert "Traceback" not in err
    (crash,) = tmp_path.glob("seqhub-crash-*.txt")
    assert str(crash) in err
    assert "Traceback" in crash.read_text()
    monkeypatch.setenv("SEQHUB_DEBUG", "1")
    assert cli.main(["check"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_arguments_that_recipe_verbs_share(verb):
    seen = {}
    verb(lambda args: seen.update(vars(args)) or 0, add_recipe_arguments)
    assert cli.main(["check", "r.yaml", "--set", "a.b=1", "--set", "c=-2", "--smoke"]) == 0
    assert (seen["recipe"], seen["overrides"], seen["smoke"]) == (Path("r.yaml"), ["a.b=1", "c=-2"], True)
    assert cli.main(["check", "r.yaml"]) == 0
    assert (seen["overrides"], seen["smoke"]) == ([], False)


def test_tables_align_numbers_to_the_right(capsys):
    print_table(["name", "n"], [["a", 1], ["long name", 23]])
    assert capsys.readouterr().out == "name        n\n---------  --\na           1\nlong name  23\n"
    print_table(["a", "b"], [[None, True], [0.123456, "x"]], indent="  ")
    assert capsys.readouterr().out == "  a       b\n  ------  ---\n  -       yes\n  0.1235  x\n"
    print_table(["empty"], [])
    assert capsys.readouterr().out == "empty\n-----\n"


def test_json_is_valid_whatever_is_in_it(capsys):
    print_json({"path": Path("a"), "nan": float("nan"), 3: (1, 2), "set": {2, 1}, "problem": Problem("E1", "é")})
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "path": "a",
        "nan": "nan",
        "3": [1, 2],
        "set": [1, 2],
        "problem": {"code": "E1", "message": "é", "fix": "", "place": None, "severity": "error"},
    }
