"""Specs are checked when they are registered; the examples in the hooks' documentation pass."""

from __future__ import annotations

import inspect
import itertools
import sys
import textwrap
import types

import pytest

from seqhub.api import CellConfig, CellSpec, Config, EncoderSpec, SourceSpec, TaskSpec, config, option
from seqhub.plugins import hookspecs
from seqhub.plugins.checks import spec_problems


@config
class NoHelp(Config):
    size: int = 3


@config
class OutOfBounds(Config):
    size: int = option(0, ge=1, help="size")


class Undecorated(Config):
    size: int = 3


def cell(**changes: object) -> CellSpec:
    fields = {"name": "gatelet", "target": "acme.gatelet:MGU", "config": CellConfig, "summary": "A cell."}
    return CellSpec(**(fields | changes))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (cell(name="MGU"), "name 'MGU' is not of the form"),
        (cell(name="3gu"), "name '3gu' is not of the form"),
        (cell(name="m_gu"), "name 'm_gu' is not of the form"),
        (cell(name="repeat"), "is a word of the recipe language"),
        (cell(aliases=("residual",)), "is a word of the recipe language"),
        (cell(target="acme.gatelet.MGU"), "target 'acme.gatelet.MGU'"),
        (cell(target="acme.gatelet:"), "target 'acme.gatelet:'"),
        (cell(summary=""), "summary ''"),
        (cell(summary="two\nlines"), "is not one line"),
        (cell(flags={"onx": True}), "flag 'onx' is unknown; a cell has onnx, streaming"),
        (cell(flags={"onnx": "yes"}), "flag 'onnx' is 'yes', not True, False or None"),
        (cell(config=dict), "is not a subclass of seqhub.api.Config"),
        (cell(config=NoHelp), "field NoHelp.size is not made with option"),
        (cell(config=OutOfBounds), "its default 0 is not >= 1"),
        (cell(config=Undecorated), "config Undecorated lacks the decorator @config"),
        (cell(examples=({"hiden": 3},)), "example {'hiden': 3}"),
        (TaskSpec(name="t", target="a:B", config=Config, summary="s", metrics={"mse": "low"}), "metric 'mse' is 'low'"),
        (TaskSpec(name="t", target="a:B", config=Config, summary="s", data=NoHelp), "NoHelp.size"),
    ],
)
def test_a_wrong_spec_is_told(spec, problem):
    assert problem in " ".join(spec_problems([spec]))


def test_a_right_spec_passes():
    assert spec_problems([cell(flags={"onnx": True, "native": False, "bfloat16": None}, aliases=("minimal",))]) == []


def test_a_name_stands_once_in_a_plugin():
    encoder = EncoderSpec(name="gatelet", target="a:B", config=Config, summary="s")
    assert "given twice" in spec_problems([cell(), encoder])[0]
    assert "given twice" in spec_problems([cell(aliases=("gatelet",))])[0]
    assert spec_problems([cell(), SourceSpec(name="gatelet", target="a:B", config=Config, summary="s")]) == []


def example_of(hook: str) -> str:
    """The code in a hook's documentation: from its import to the next line that is less indented."""
    lines = iter(inspect.getdoc(getattr(hookspecs, hook)).splitlines())
    first = next(line for line in lines if line.lstrip().startswith("from seqhub.api"))
    indent = first[: len(first) - len(first.lstrip())]
    body = itertools.takewhile(lambda line: not line or line.startswith(indent), lines)
    return textwrap.dedent("\n".join([first, *body]))


@pytest.mark.parametrize("hook", hookspecs.HOOKS)
def test_the_example_in_each_hooks_documentation_is_complete(hook, monkeypatch):
    """It runs as it stands, and yields specs of the hook's kind that pass every check."""
    module = types.ModuleType("hook_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(example_of(hook), hook, "exec"), module.__dict__)
    specs = list(getattr(module, hook)())
    assert specs
    assert all(type(spec) is hookspecs.HOOKS[hook] for spec in specs)
    assert spec_problems(specs) == []


def test_every_hookspec_is_in_the_table_of_hooks():
    assert {name for name in dir(hookspecs) if name.startswith("seqhub_register_")} == set(hookspecs.HOOKS)
