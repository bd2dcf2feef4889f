"""One plugin that goes wrong takes out itself alone, says why, and is kept in the records."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seqhub.errors import PluginError
from seqhub.plugins import PluginRecord, Registry, load_registry, scan_plugins

SPEC = """
from seqhub.api import CellConfig, CellSpec, EncoderSpec, Config, config, hookimpl, option

@hookimpl
def seqhub_register_cells():
    {body}
"""

# code of the plugin module, part of the error, whether the place of the fault is known
BROKEN = {
    "import error": ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'", True),
    "error while importing": ("raise ValueError('bad luck')", "ValueError: bad luck", True),
    "syntax error": ("def broken(:\n    pass", "SyntaxError", True),
    "exits": ("import sys\nsys.exit(3)", "SystemExit: 3", True),
    "hook raises": (SPEC.format(body="raise RuntimeError('no cells today')"), "RuntimeError: no cells today", True),
    "hook raises late": (SPEC.format(body="yield from ()\n    raise KeyError('late')"), "KeyError: 'late'", True),
    "hook takes arguments": (
        "from seqhub.api import hookimpl\n@hookimpl\ndef seqhub_register_cells(registry):\n    return ()",
        "registry",
        False,
    ),
    "unknown hook": (
        "from seqhub.api import hookimpl\n@hookimpl\ndef seqhub_register_cell():\n    return ()",
        "hook 'seqhub_register_cell' is unknown; did you mean 'seqhub_register_cells'?",
        False,
    ),
    "hook wrapper": (
        "from seqhub.api import hookimpl\n@hookimpl(wrapper=True)\ndef seqhub_register_cells():\n    return (yield)",
        "hook 'seqhub_register_cells' is a wrapper",
        False,
    ),
    "not a spec": (SPEC.format(body="yield 'gru'"), "yields 'gru', not a CellSpec", False),
    "spec of another kind": (
        SPEC.format(body="yield EncoderSpec(name='a', target='b:C', config=Config, summary='d')"),
        "not a CellSpec",
        False,
    ),
    "not iterable": (SPEC.format(body="return 3"), "'int' object is not iterable", False),
}


def record_of(registry: Registry, dist: str) -> PluginRecord:
    return next(record for record in registry.records if record.dist == dist)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_takes_out_itself_alone(site, load, case):
    code, error, placed = BROKEN[case]
    site.add("acme-broken", code)
    site.add_cell("acme-good", "fine")
    registry, told = load()
    record = record_of(registry, "acme-broken")
    assert record.state == "failed"
    assert error in record.error
    assert "\n" not in record.error
    assert record.fix
    assert bool(record.at) == placed
    if placed:
        assert f"{site.folder / 'acme_broken' / 'plugin.py'}:" in record.at
    assert [line for line in told if "acme-broken" in line] == [
        f"seqhub: plugin acme-broken 1.0 failed to load ({record.error}); run: seqhub plugins doctor acme-broken"
    ]
    assert registry.resolve("fine").ref == "acme-good/fine"
    assert not [component for component in registry.components() if component.dist == "acme-broken"]


@pytest.mark.parametrize("case", BROKEN)
def test_strict_raises_from_the_cause(site, load, case):
    site.add("acme-broken", BROKEN[case][0])
    with pytest.raises(PluginError, match="acme-broken") as caught:
        load(SEQHUB_STRICT="1")
    assert caught.value.problems[0].code == "E606"
    assert caught.value.__cause__ is not None


def test_a_failing_hook_is_rolled_back_with_its_other_hooks(site, load):
    """Cells register before encoders raise; neither stays."""
    code = SPEC.format(body="yield CellSpec(name='half', target='a.b:C', config=CellConfig, summary='d')")
    site.add("acme-half", code + "\n@hookimpl\ndef seqhub_register_encoders():\n    raise ValueError('no')\n")
    registry, _ = load()
    assert record_of(registry, "acme-half").state == "failed"
    with pytest.raises(PluginError):
        registry.resolve("half")


def test_a_future_api_is_reported_and_never_imported(site, load):
    site.add("acme-future", "raise AssertionError('imported')", group="seqhub.v2")
    registry, told = load()
    record = record_of(registry, "acme-future")
    assert (record.state, record.error) == ("incompatible", "needs plugin API 2; this seqhub speaks API 1")
    assert record.fix == "pip install --upgrade seqhub"
    assert "acme_future" not in sys.modules
    assert [line for line in told if "acme-future" in line]
    with pytest.raises(PluginError, match="API 2"):
        load(SEQHUB_STRICT="1")


def test_a_plugin_for_two_apis_uses_ours(site, load):
    package = site.add_cell("acme-both", "both")
    points = site.folder / f"{package}-1.0.dist-info" / "entry_points.txt"
    points.write_text(f"{points.read_text()}\n[seqhub.v2]\nmain = acme_both.not_there\n")
    registry, _ = load()
    assert [(r.group, r.state) for r in registry.records if r.dist == "acme-both"] == [("seqhub.v1", "ok")]


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"SEQHUB_DISABLE": "other, Acme_Off"}, "named in SEQHUB_DISABLE"),
        ({"SEQHUB_PLUGINS": "other"}, "not named in SEQHUB_PLUGINS"),
        ({"SEQHUB_PLUGINS": ""}, "not named in SEQHUB_PLUGINS"),
        ({"SEQHUB_PLUGINS": "acme-off", "SEQHUB_DISABLE": "acme-off"}, "named in SEQHUB_DISABLE"),
    ],
)
def test_disabled_is_decided_before_import(site, load, environ, why):
    site.add("acme-off", "raise AssertionError('imported')")
    registry, told = load(**environ, SEQHUB_STRICT="1")
    record = record_of(registry, "acme-off")
    assert (record.state, record.error, record.hooks) == ("disabled", why, ())
    assert "acme_off" not in sys.modules
    assert f"seqhub: plugin acme-off 1.0 is disabled ({why})" in told


def test_the_allowlist_lets_only_the_named_in(site, load):
    site.add_cell("acme-in", "wanted")
    registry, _ = load(SEQHUB_PLUGINS="acme_in")
    assert {c.dist for c in registry.components()} - {"seqhub"} == {"acme-in"}


def test_the_core_is_never_disabled(site, load):
    registry, _ = load(SEQHUB_PLUGINS="", SEQHUB_DISABLE="seqhub")
    assert {record.state for record in registry.records if record.builtin} == {"ok"}


def test_an_entry_point_to_a_package_that_is_gone(site):
    site.add("acme-gone", None)
    record = next(r for r in scan_plugins({}) if r.dist == "acme-gone")
    assert (record.state, record.fix) == ("failed", "pip install --force-reinstall acme-gone")
    assert "there is no package 'acme_gone'" in record.error


def test_one_entry_point_name_in_two_distributions(site, load):
    site.add_cell("acme-one", "first", entry="same")
    site.add_cell("acme-two", "second", entry="same")
    registry, _ = load()
    assert registry.resolve("first").dist == "acme-one"
    assert registry.resolve("second").dist == "acme-two"


def test_scanning_imports_nothing_and_has_one_order(site):
    for dist in ("acme-zeta", "acme-alpha", "acme-mid"):
        site.add(dist, "raise AssertionError('imported')")
    fakes = [record.dist for record in scan_plugins({}) if record.dist.startswith("acme-")]
    assert fakes == ["acme-alpha", "acme-mid", "acme-zeta"]
    assert not [module for module in sys.modules if module.startswith("acme_")]


def test_what_a_plugin_prints_stays_off_stdout(site, load, capsys):
    site.add("acme-chatty", "print('hello\\nthere')")
    registry, _ = load()
    record = record_of(registry, "acme-chatty")
    assert (record.state, record.printed) == ("ok", "hello\nthere")
    assert capsys.readouterr().out == ""


def test_a_plugin_that_loads_torch_is_found_out(site):
    """In a fresh interpreter whose torch is a stand-in, since this one may have loaded the real one."""
    (site.folder / "torch.py").touch()
    site.add("acme-heavy", "import torch")
    site.add("acme-light", "")
    program = (
        "from seqhub.plugins import scan_plugins\n"
        "from seqhub.plugins.manager import Manager\n"
        "manager = Manager()\n"
        "manager.load(r for r in scan_plugins({}) if r.dist.startswith('acme-'))\n"
        "print([(r.dist, r.state, r.loads_torch) for r, _ in manager.loaded])\n"
    )
    environ = {"PYTHONPATH": str(site.folder)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.strip() == "[('acme-heavy', 'ok', True), ('acme-light', 'ok', False)]"


def test_each_line_is_told_once(site, capsys):
    site.add("acme-twice", "raise ValueError('no')")
    load_registry({})
    load_registry({})
    assert capsys.readouterr().err.count("acme-twice 1.0 failed") == 1


def test_unreadable_metadata_of_others_is_no_concern(site, load):
    other = site.folder / "stranger-1.0.dist-info"
    other.mkdir()
    (other / "entry_points.txt").write_text("not an ini file at all\n")
    (other / "METADATA").write_text("")
    site.add_cell("acme-fine", "unbothered")
    registry, _ = load()
    assert registry.resolve("unbothered").dist == "acme-fine"
