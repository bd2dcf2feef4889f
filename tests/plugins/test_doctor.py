"""`seqhub plugins doctor`: what only a process of its own can tell, and the conformance of what is installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from seqhub.cli import main
from seqhub.cli.plugins_probe import Suite
from seqhub.scaffold import Names, write_project
from tests.plugins.projects import installed

ROOT = Path(__file__).parents[2]


def findings(capsys, *words: str) -> tuple[int, list[dict[str, str]]]:
    code = main(["plugins", "doctor", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)["findings"]


def test_what_a_plugin_loads_and_how_long_it_takes(site, capsys):
    site.add("acme-slow", "import time\ntime.sleep(0.55)\n")
    (site.folder / "pandas.py").touch()
    site.add("acme-heavy", "import pandas")
    code, (ok, slow) = findings(capsys, "acme-slow")
    assert (code, ok["level"], slow["level"]) == (0, "ok", "warn")
    assert slow["detail"].endswith("s to import, at every command")
    code, (_, heavy) = findings(capsys, "acme-heavy")
    assert (code, heavy["level"]) == (0, "warn")
    assert heavy["detail"].startswith("loads pandas when imported")


def test_torch_is_found_out_though_this_process_has_it(site, capsys):
    (site.folder / "torch.py").touch()  # the other process sees it first
    site.add("acme", "import torch")
    code, found = findings(capsys, "acme")
    assert code == 1
    (failure,) = (finding for finding in found if finding["level"] == "fail")
    assert failure["detail"] == "loads torch when imported, which makes every `seqhub check` slow"
    assert failure["fix"]


def test_a_plugin_that_ends_the_process_is_named_and_ends_no_other(site, capsys):
    site.add("acme-abrupt", "import os\nos._exit(7)")
    site.add_cell("acme-fine", "gatelet")
    code, (failure,) = findings(capsys, "acme-abrupt")
    assert (code, failure["level"]) == (1, "fail")
    assert failure["detail"] == "importing it ends the process: ended with code 7: no message"
    assert findings(capsys, "acme-fine")[0] == 0


def test_a_hanging_import_is_given_up(site, capsys, monkeypatch):
    def hang(*words: object, **options: object) -> None:
        raise subprocess.TimeoutExpired(["python"], 60, output=b"")

    monkeypatch.setattr("subprocess.run", hang)
    site.add_cell("acme", "gatelet")
    code, (failure,) = findings(capsys, "acme")
    assert code == 1
    assert failure["detail"] == "importing it ends the process: took longer than 60 s"


@pytest.mark.parametrize(
    ("requires", "detail", "fix"),
    [
        ("no-such-package>=2", "needs no-such-package>=2; it is not installed", "pip install 'no-such-package>=2'"),
        ("pluggy>=999", "needs pluggy>=999; this is ", "pip install 'pluggy>=999'"),
        ('no-such-package; extra == "test"', "", ""),
        ("pluggy>=1", "", ""),
    ],
)
def test_what_a_plugin_needs(site, capsys, requires, detail, fix):
    site.add_cell("acme", "gatelet", requires=requires)
    code, (finding,) = findings(capsys, "acme")
    assert code == int(bool(detail))
    assert finding["detail"].startswith(detail or "API seqhub.v1, 1 component in ")
    assert finding["fix"] == fix


def test_strict_mode_does_not_stop_the_doctor(site, capsys, monkeypatch):
    monkeypatch.setenv("SEQHUB_STRICT", "1")
    site.add("acme", "1 / 0")
    code, (failure,) = findings(capsys, "acme")
    assert code == 1
    assert failure["detail"].startswith("failed: ZeroDivisionError")


@pytest.mark.heavy
def test_conformance_says_what_failed_and_what_would_mend_it(tmp_path, capsys, monkeypatch):
    folder = write_project(Names.of("near-thing", "encoder"), tmp_path)
    code = folder / "src" / "seqhub_near_thing" / "near_thing.py"
    code.write_text(code.read_text().replace("y * gate.sigmoid()", "y * gate.sigmoid() + x.mean()"))
    plugin = folder / "src" / "seqhub_near_thing" / "plugin.py"
    example = '({"channels": 6}, {"channels": 4, "kernel": 1}, {"channels": 4, "kernel": 5, "stride": 2})'
    plugin.write_text(plugin.read_text().replace(example, '({"channels": 6},)'))
    with installed(folder, site=tmp_path / "site"):
        code, found = findings(capsys, "seqhub-near-thing", "--fast")
    failed = {finding["detail"].partition(":")[0]: finding for finding in found if finding["level"] == "fail"}
    assert code == 1
    assert {"rows_independent", "chunks_equal_whole", "receptive_field"} <= set(failed)
    assert {finding["subject"] for finding in failed.values()} == {"seqhub-near-thing/near-thing"}
    assert all("(with channels=6)" in finding["detail"] for finding in failed.values())
    assert failed["rows_independent"]["fix"].startswith("make it hold: each row gives what it gives alone")


def test_a_component_that_brings_the_suite_down(site, capsys, monkeypatch):
    suite = Suite([], "ended with code -11: no message")
    monkeypatch.setattr("seqhub.cli.plugins_doctor.run_suite", lambda dist, graphs: suite)
    site.add_cell("acme", "gatelet")
    code, found = findings(capsys, "acme", "--full")
    assert code == 1
    assert found[-1]["detail"] == "conformance could not be run: ended with code -11: no message"
    assert found[-1]["fix"] == "see where: python -m seqhub.testing.report acme"


def test_a_spec_without_examples_cannot_be_checked():
    from seqhub.api import CellConfig, CellSpec
    from seqhub.plugins import Component
    from seqhub.testing.report import component_report

    spec = CellSpec(name="bare", target="a:B", config=CellConfig, summary="A cell.")
    report = component_report(Component(spec, "acme", "1.0"), graphs=False)
    assert [failure["check"] for failure in report["failed"]] == ["examples"]
