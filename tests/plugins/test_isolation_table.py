"""Every row of the table of broken plugins, in this process: no other command dies, and none is silent."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from seqhub.cli import main
from seqhub.plugins.registry import _told

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """A module of `benchmarks/`."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


ISOLATION = script("isolation")
IDS = [case.title.replace(" ", "-") for case in ISOLATION.CASES]


@pytest.fixture
def recipe(site, request) -> str:
    """The case's plugin on the path, and a recipe that does not use it."""
    ISOLATION.install(request.param, site.folder)
    site.packages += ["acme", "acme_two"]
    if "import torch" in request.param.code:
        (site.folder / "torch.py").touch()  # a stand-in, for the doctor's other process
    _told.clear()
    path = site.folder / "plain.yaml"
    path.write_text(ISOLATION.RECIPE)
    return str(path)


@pytest.mark.parametrize(("case", "recipe"), [(c, c) for c in ISOLATION.CASES], indirect=["recipe"], ids=IDS)
def test_no_other_command_dies_and_none_is_silent(case, recipe, capsys):
    assert main(["plugins", "list"]) == 0
    assert "acme.plugin" in capsys.readouterr().out
    assert main(["check", recipe]) == 0
    captured = capsys.readouterr()
    assert "plain.yaml: ok" in captured.out
    assert "hello" not in captured.out
    assert captured.err.count("acme") == (2 if case.told else 0)  # its name, and in the command that says more
    assert case.told in captured.err
    for module in ("acme", "acme.plugin"):
        sys.modules.pop(module, None)
    code = main(["plugins", "doctor", "acme", "--json"])
    found = [f"{f['level']}: {f['detail']}" for f in json.loads(capsys.readouterr().out)["findings"]]
    assert any(case.doctor in line for line in found), found
    assert code == any(line.startswith("fail") for line in found)


@pytest.mark.parametrize(("case", "recipe"), [(c, c) for c in ISOLATION.CASES], indirect=["recipe"], ids=IDS)
def test_strict_mode_raises_and_disabled_is_never_imported(case, recipe, capsys, monkeypatch):
    monkeypatch.setenv("SEQHUB_DISABLE", "acme,acme-two")
    assert main(["check", recipe]) == 0
    assert "is disabled (named in SEQHUB_DISABLE)" in capsys.readouterr().err
    assert "acme.plugin" not in sys.modules
    monkeypatch.delenv("SEQHUB_DISABLE")
    monkeypatch.setenv("SEQHUB_STRICT", "1")
    assert main(["check", recipe]) == (2 if case.fails else 0)
    assert ("error[E606]" in capsys.readouterr().err) == case.fails
    assert case.imported or "acme.plugin" not in sys.modules


def test_a_name_that_two_provide_is_an_error_where_it_is_used(site, capsys):
    case = next(case for case in ISOLATION.CASES if case.title == "two providers of one name")
    ISOLATION.install(case, site.folder)
    site.packages += ["acme", "acme_two"]
    path = site.folder / "uses.yaml"
    path.write_text(ISOLATION.RECIPE.replace("{type: mlp}", "{type: gatelet, hidden: 4}"))
    assert main(["check", str(path)]) == 2
    assert "write 'acme/gatelet' or 'acme-two/gatelet'" in capsys.readouterr().err


def test_the_page_has_a_row_for_each():
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for case in ISOLATION.CASES:
        (row,) = (line for line in page.splitlines() if line.startswith(f"| {case.title} |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == "works"
        assert cells[2] == ("one line" if case.told else "nothing")
        assert cells[-1] == ("exit 2" if case.fails else "works")


def test_thirty_plugins_are_listed_and_none_is_imported(tmp_path):
    """The time is for `benchmarks/plugins_list.py`: here, that nothing runs."""
    listing = script("plugins_list")
    listing.install(tmp_path)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *(path for path in sys.path if path)])}
    command = [sys.executable, "-m", "seqhub", "plugins", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert sum(line.startswith("acme-") for line in done.stdout.splitlines()) == listing.PLUGINS == 30
    assert listing.imported(tmp_path) == []
    check = [sys.executable, "-m", "seqhub", "plugins", "list", "--load"]  # what counts them would see an import
    subprocess.run(check, capture_output=True, check=True, env=environ)
    assert len(listing.imported(tmp_path)) == 30
