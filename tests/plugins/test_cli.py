"""`seqhub plugins list | info | doctor` and `seqhub doctor`, as their users see them."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

import seqhub
from seqhub.cli import main
from seqhub.cli.describe import type_text
from seqhub.cli.versions import package_findings, read_pins, release, satisfies


def run(capsys, *words: str) -> tuple[int, str]:
    code = main(words)
    return code, capsys.readouterr().out


def run_json(capsys, *words: str) -> tuple[int, object]:
    code, out = run(capsys, *words, "--json")
    return code, json.loads(out)


def test_list_shows_each_plugin_and_imports_none(site, capsys, monkeypatch):
    site.add("acme-cells", "raise AssertionError('imported')", version="0.3")
    site.add("acme-off", "raise AssertionError('imported')")
    monkeypatch.setenv("SEQHUB_DISABLE", "acme-off")
    code, out = run(capsys, "plugins", "list")
    assert code == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith(("seqhub-", "acme-"))}
    assert rows["acme-cells"] == ["acme-cells", "0.3", "seqhub.v1", "found", "acme_cells.plugin"]
    assert rows["acme-off"][3] == "disabled"
    assert rows["seqhub-conv"] == ["seqhub-conv", seqhub.__version__, "seqhub.v1", "found", "seqhub_conv.plugin"]
    assert "take it out of SEQHUB_DISABLE" in out
    assert "acme_cells" not in sys.modules


def test_list_as_json_and_as_requirements(site, capsys):
    site.add("acme-cells", "", version="0.3")
    code, records = run_json(capsys, "plugins", "list")
    assert code == 0
    (acme,) = (record for record in records if record["dist"] == "acme-cells")
    assert (acme["version"], acme["state"], acme["module"]) == ("0.3", "found", "acme_cells.plugin")
    assert "acme-cells==0.3" in run(capsys, "plugins", "list", "--requirements")[1].splitlines()


def test_list_with_load_names_components_and_failures(site, capsys):
    site.add_cell("acme-cells", "gatelet")
    site.add("acme-broken", "import no_such_module_anywhere")
    code, records = run_json(capsys, "plugins", "list", "--load")
    by_dist = {record["dist"]: record for record in records}
    assert code == 0
    assert by_dist["acme-cells"]["components"] == ["gatelet"]
    assert by_dist["acme-cells"]["hooks"] == ["seqhub_register_cells"]
    assert by_dist["acme-broken"]["state"] == "failed"
    assert by_dist["acme-broken"]["fix"] == "install the package that brings the module 'no_such_module_anywhere'"


def test_info_of_a_component(site, capsys):
    package = site.add_cell("acme-cells", "gatelet", version="0.3")
    code, document = run_json(capsys, "plugins", "info", "gatelet")
    (component,) = document["components"]
    assert code == 0
    assert (component["ref"], component["version"], component["kind"]) == ("acme-cells/gatelet", "0.3", "cell")
    assert component["target_at"] == f"{site.folder / package / 'cells.py'}:1"
    assert component["config_at"].startswith(f"{site.folder / package / 'plugin.py'}:")
    hidden, bias = component["options"]
    assert (hidden["name"], hidden["type"], hidden["required"], hidden["bounds"]) == ("hidden", "int", True, ">= 1")
    assert (bias["name"], bias["type"], bias["required"], bias["default"]) == ("bias", "bool", False, True)
    assert bias["help"] == "add a bias"
    assert f"{package}.cells" not in sys.modules


def test_info_as_text_shows_what_a_recipe_may_say(capsys):
    code, out = run(capsys, "plugins", "info", "gru")
    assert code == 0
    assert out.startswith(f"seqhub-cells/gru {seqhub.__version__} (cell): ")
    for part in ("arXiv:1406.1078", "onnx: yes", "seqhub_cells.gru:GRUCell", "required  >= 1", "width of the"):
        assert part in out


@pytest.mark.parametrize("name", ["forecast", "csv", "linear", "conv1d", "local-attention"])
def test_info_of_every_kind(name, capsys):
    code, out = run(capsys, "plugins", "info", name)
    assert code == 0
    assert f"/{name} " in out.splitlines()[0]


def test_info_of_a_distribution(site, capsys):
    code, out = run(capsys, "plugins", "info", "seqhub-cells")
    assert code == 0
    assert "gru" in out
    site.add("acme-broken", "1 / 0")
    code, document = run_json(capsys, "plugins", "info", "acme-broken")
    assert code == 1
    assert document["plugins"][0]["error"] == "ZeroDivisionError: division by zero"


def test_info_of_a_typo(capsys):
    assert main(["plugins", "info", "gruu"]) == 2
    assert "did you mean 'gru'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "int"),
        (float | None, "float or null"),
        (list[str], "list of str"),
        (tuple[float, ...], "list of float"),
        (tuple[int, int], "list of int"),
        (list[str] | None, "list of str or null"),
    ],
)
def test_types_as_a_recipes_author_thinks_of_them(kind, text):
    assert type_text(kind) == text


def findings(capsys, *words: str) -> tuple[int, list[dict[str, str]]]:
    code, document = run_json(capsys, *words)
    assert document["ok"] == (code == 0)
    return code, document["findings"]


def test_doctor_finds_this_environment_sound(site, capsys):
    code, found = findings(capsys, "doctor")
    assert [f for f in found if f["level"] == "fail"] == []
    assert code == 0
    assert {"python", "core packages", "extra [runtime]", "extra [train]", "tested versions", "imports", "folder"} <= {
        f["subject"] for f in found
    }


def test_doctor_as_text_has_one_fix_for_each_finding(site, capsys):
    site.add("acme-broken", "import no_such_module_anywhere")
    code, out = run(capsys, "doctor")
    lines = out.splitlines()
    failed = [i for i, line in enumerate(lines) if line.startswith(("fail", "warn"))]
    assert code == 1
    assert failed
    assert all(lines[i + 1].startswith("     fix: ") for i in failed)
    assert lines[-1].endswith("1 to mend")


CASES = {
    "broken": (lambda site: site.add("acme", "1 / 0"), "failed: ZeroDivisionError", "upgrade or uninstall"),
    "future": (
        lambda site: site.add("acme", "", group="seqhub.v2"),
        "needs plugin API 2",
        "pip install --upgrade seqhub",
    ),
    "target": (
        lambda site: (site.add_cell("acme", "gatelet"), (site.folder / "acme" / "cells.py").write_text("")),
        "acme/gatelet: there is no acme.cells:Cell",
        "correct `target`",
    ),
    "requires another core": (
        lambda site: site.add_cell("acme", "gatelet", requires="seqhub>=9,<10"),
        "needs seqhub>=9,<10",
        "pip install 'seqhub>=9,<10'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_plugins_doctor_says_what_to_mend(site, capsys, case):
    prepare, detail, fix = CASES[case]
    prepare(site)
    code, found = findings(capsys, "plugins", "doctor", "acme")
    assert code == 1
    (failure,) = (f for f in found if f["level"] == "fail")
    assert detail in failure["detail"]
    assert fix in failure["fix"]


def test_plugins_doctor_reports_a_disabled_plugin(site, capsys, monkeypatch):
    site.add("acme", "raise AssertionError('imported')")
    monkeypatch.setenv("SEQHUB_DISABLE", "acme,acmee")
    code, found = findings(capsys, "plugins", "doctor")
    by_subject = {f["subject"]: f for f in found if f["level"] != "ok"}
    assert code == 1
    assert by_subject["plugin acme 1.0 (acme.plugin)"]["detail"] == "disabled: named in SEQHUB_DISABLE"
    assert by_subject["SEQHUB_DISABLE"]["detail"] == "names acmee, which is not an installed plugin"


def test_plugins_doctor_of_what_is_not_installed(capsys):
    code, (failure,) = findings(capsys, "plugins", "doctor", "acme-absent")
    assert (code, failure["fix"]) == (1, "pip install acme-absent")


def test_conflicts_are_worth_a_note_and_no_failure(site, capsys):
    site.add_cell("acme", "gru")
    site.add_cell("beta-one", "ltc-like")
    site.add_cell("beta-two", "ltc-like")
    code, found = findings(capsys, "plugins", "doctor")
    notes = {f["subject"]: (f["detail"], f["fix"]) for f in found if f["level"] == "warn"}
    assert code == 0
    assert notes["acme/gru"] == ("shadowed: 'gru' means seqhub-cells/gru", "write 'acme/gru' to mean it")
    assert notes["name 'ltc-like'"][1] == "write 'beta-one/ltc-like' or 'beta-two/ltc-like'"


def test_a_chatty_plugin_is_worth_a_note(site, capsys):
    site.add("acme", "print('hello')")
    code, found = findings(capsys, "plugins", "doctor", "acme")
    assert code == 0
    assert "prints when imported: 'hello'" in [f["detail"] for f in found]


def test_entry_points_that_changed_after_an_editable_install(site, capsys):
    package = site.add_cell("acme", "gatelet")
    source = site.folder / "a source"
    source.mkdir()
    (source / "pyproject.toml").write_text('[project.entry-points."seqhub.v1"]\nmain = "acme.other"\n')
    origin = {"url": source.as_uri(), "dir_info": {"editable": True}}
    (site.folder / f"{package}-1.0.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    code, found = findings(capsys, "plugins", "doctor", "acme")
    assert code == 1
    assert found[0]["detail"].endswith("differ: main = acme.other, main = acme.plugin")
    assert found[0]["fix"] == f"pip install -e '{source}'"


def test_a_first_party_plugin_out_of_step(site, capsys):
    site.add("seqhub-conv", "", version="0.0.9")
    code, found = findings(capsys, "plugins", "doctor", "seqhub-conv")
    assert code == 1
    assert f"version 0.0.9 beside seqhub {seqhub.__version__}" in found[0]["detail"]


@pytest.mark.parametrize(
    ("version", "wanted", "met"),
    [
        ("2.13.0+cpu", ">=2.13,<2.14", True),
        ("2.14.0", ">=2.13,<2.14", False),
        ("2.13.0", "==2.13", True),
        ("1.9", ">=1.10", False),
        ("1.10", ">1.9,!=1.11", True),
        ("1.11.0", ">1.9,!=1.11", False),
        ("3.0rc1", "<=3", True),
        ("1.0", "", True),
    ],
)
def test_ranges(version, wanted, met):
    assert satisfies(version, wanted) == met


def test_releases():
    assert release("2.13.0+cpu") == (2, 13)
    assert release("unknown") == ()


def test_pins_are_found_in_the_repository():
    pins = read_pins()
    assert pins["torch"] == "2.13.0"
    assert len(pins) > 60


def test_packages_that_are_missing_or_out_of_range(monkeypatch):
    real = metadata.version

    def version(name: str) -> str:
        if name == "torchmetrics":
            raise metadata.PackageNotFoundError(name)
        return {"pyyaml": "5.1", "rich": "99.0"}.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)
    found = {(f.level, f.subject): f for f in package_findings()}
    assert found["fail", "core packages"].detail == "pyyaml 5.1 is outside <7,>=6.0"
    assert found["fail", "extra [train]"].fix.startswith("pip install 'torchmetrics")
    assert "rich 99.0 (tested" in found["warn", "tested versions"].detail


def test_an_extra_that_is_not_in_use_is_no_failure(monkeypatch):
    real = metadata.version

    def version(name: str) -> str:
        if name in ("torch", "lightning", "onnx"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    (finding,) = (f for f in package_findings() if f.subject == "extra [train]")
    assert (finding.level, finding.detail) == ("ok", "not installed (pip install 'seqhub[train]' brings it)")


def test_a_folder_that_cannot_be_written_to(monkeypatch, capsys):
    def refuse(**options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    code, found = findings(capsys, "doctor")
    (failure,) = (f for f in found if f["subject"] == "folder")
    assert (code, failure["level"]) == (1, "fail")
    assert str(Path.cwd()) in failure["detail"]
