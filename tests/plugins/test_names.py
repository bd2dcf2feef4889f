"""What a name in a recipe means, whatever else is installed."""

from __future__ import annotations

import json

import pytest

from seqhub.api import CellConfig, CellSpec, Config, EncoderSpec, SourceSpec
from seqhub.errors import PluginError
from seqhub.plugins import Component, PluginRecord, Registry, load_registry, load_target
from seqhub.plugins.checks import MODEL_KINDS
from seqhub.plugins.hints import FIRST_PARTY, PROVIDES


def cell(name: str, dist: str, version: str = "1.0", **fields: object) -> Component:
    spec = CellSpec(name=name, target="json:dumps", config=CellConfig, summary="A cell.", **fields)
    return Component(spec, dist, version)


def record(dist: str, **fields: object) -> PluginRecord:
    return PluginRecord(dist, "1.0", "main", "module", "seqhub.v1", **fields)


def refusal(registry: Registry, name: str, kinds: tuple[str, ...] = MODEL_KINDS) -> tuple[str, str, str]:
    with pytest.raises(PluginError) as caught:
        registry.resolve(name, kinds)
    problem = caught.value.problems[0]
    return problem.code, problem.message, problem.fix


def test_the_only_provider_has_the_short_name():
    registry = Registry([cell("gatelet", "seqhub-acme", "0.3", aliases=("minimal",))])
    for name in ("gatelet", "minimal", "seqhub-acme/gatelet", "Seqhub_Acme/gatelet"):
        assert registry.resolve(name).ref == "seqhub-acme/gatelet"
    assert registry.resolve("gatelet").provider == "seqhub-acme/gatelet==0.3"


def test_first_party_wins_and_the_other_is_shadowed():
    ours, theirs = cell("gru", "seqhub-cells"), cell("gru", "seqhub-acme")
    registry = Registry([theirs, ours])
    assert registry.resolve("gru") == ours
    assert registry.resolve("seqhub-acme/gru") == theirs
    assert registry.shadowed() == ((theirs, ours),)
    assert registry.disputed() == {}


def test_a_first_party_alias_is_not_taken_by_a_third_partys_name():
    ours, theirs = cell("rnn", "seqhub-cells", aliases=("elman",)), cell("elman", "seqhub-acme")
    assert Registry([theirs, ours]).resolve("elman") == ours


def test_two_third_parties_are_an_error_on_use_alone():
    registry = Registry([cell("ltc", "acme", "1.0"), cell("ltc", "beta", "2.0"), cell("gatelet", "acme")])
    assert registry.resolve("gatelet").dist == "acme"
    assert registry.resolve("beta/ltc").dist == "beta"
    assert refusal(registry, "ltc") == (
        "E603",
        "block type 'ltc' is claimed by acme 1.0 and beta 2.0",
        "write 'acme/ltc' or 'beta/ltc'",
    )
    assert list(registry.disputed()) == ["ltc"]


def test_the_kinds_of_a_model_share_their_names():
    encoder = EncoderSpec(name="gru", target="json:dumps", config=Config, summary="No cell.")
    registry = Registry([cell("gru", "acme"), Component(encoder, "beta", "1.0")])
    assert refusal(registry, "gru")[0] == "E603"
    assert registry.resolve("gru", ("encoder",)).dist == "beta"


def test_a_typo_gets_the_nearest_names():
    registry = Registry([cell(name, "acme") for name in ("gatelet", "ltc", "indrnn", "indylstm")])
    code, message, fix = refusal(registry, "indrn")
    assert (code, message) == ("E601", "no block type 'indrn' is installed")
    assert fix.startswith("did you mean 'indrnn'")
    assert "ltc" not in fix


def test_a_first_party_name_gets_its_install_command():
    assert refusal(Registry([]), "gru") == (
        "E601",
        "no block type 'gru' is installed",
        "'gru' comes with seqhub-cells: pip install seqhub-cells",
    )


def test_a_named_distribution_that_is_absent():
    assert refusal(Registry([]), "acme-cells/gatelet")[2] == "'gatelet' comes with acme-cells: pip install acme-cells"


def test_a_plugin_that_did_not_load_is_named():
    failed = record("seqhub-cells", state="failed", error="ImportError: no", fix="mend it")
    code, message, fix = refusal(Registry([], [failed]), "gru")
    assert (code, fix) == ("E604", "mend it")
    assert "seqhub-cells 1.0 failed to load (ImportError: no)" in message


def test_a_disabled_plugin_is_named():
    disabled = record("acme", state="disabled", error="named in SEQHUB_DISABLE", fix="take it out")
    assert refusal(Registry([], [disabled]), "acme/gatelet")[::2] == ("E604", "take it out")
    assert refusal(Registry([], [disabled]), "gatelet")[2] == "it may belong to acme, which is not loaded"


def test_a_distribution_without_that_component():
    registry = Registry([cell("gatelet", "acme")], [record("acme", state="ok")])
    assert refusal(registry, "acme/gatelit")[1:] == ("acme 1.0 has no block type 'gatelit'", "did you mean 'gatelet'?")


def test_a_component_of_another_kind():
    source = SourceSpec(name="csv", target="json:dumps", config=Config, summary="Rows.")
    registry = Registry([cell("gru", "acme"), Component(source, "seqhub", "1.0")])
    assert refusal(registry, "gru", ("source",))[:2] == ("E602", "'gru' is of the kind cell, where a source is wanted")
    assert refusal(registry, "csv")[0] == "E602"


def test_components_are_sorted_whatever_the_order_of_loading():
    parts = [cell("b", "acme"), cell("a", "zeta"), cell("a", "acme")]
    refs = [c.ref for c in Registry(parts).components("cell")]
    assert refs == [c.ref for c in Registry(reversed(parts)).components()] == ["acme/a", "zeta/a", "acme/b"]


def test_load_target():
    assert load_target(cell("x", "acme")) is json.dumps


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("json:no_such", "AttributeError"),
        ("no_such_package:X", "ModuleNotFoundError"),
        ("this_fails:X", "ZeroDivisionError"),
    ],
)
def test_a_target_that_cannot_be_imported(tmp_path, monkeypatch, target, reason):
    (tmp_path / "this_fails.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = CellSpec(name="x", target=target, config=CellConfig, summary="A cell.")
    with pytest.raises(PluginError, match=reason) as caught:
        load_target(Component(spec, "acme", "1.0"))
    assert caught.value.problems[0].code == "E605"
    assert caught.value.problems[0].fix == "run: seqhub plugins doctor acme"


def test_the_table_of_hints_says_what_first_party_plugins_bring():
    registry = load_registry({})
    assert not registry.shadowed()
    assert not registry.disputed()
    brought: dict[str, set[str]] = {}
    for component in registry.components():
        if component.dist != "seqhub" and component.dist in FIRST_PARTY:
            brought.setdefault(component.dist, set()).update((component.spec.name, *component.spec.aliases))
    assert brought == {dist: set(names) for dist, names in PROVIDES.items()}
