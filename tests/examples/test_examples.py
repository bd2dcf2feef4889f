"""The three distributions under `examples/`: public doors alone, their papers' numbers, the contract."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from seqhub.assembly.plan import check_recipe
from seqhub.nn import Recurrent
from seqhub.plugins import load_registry
from seqhub.plugins.hints import PROVIDES
from seqhub.testing.suite import CONTRACT, run_checks, too_few
from tests.examples.lines import code_lines
from tests.plugins.projects import installed
from tests.test_imports import imports_of

ROOT = Path(__file__).parents[2]
FOLDERS = {path.name.removeprefix("seqhub-"): path for path in sorted((ROOT / "examples").glob("seqhub-*"))}
KINDS = {"antisymmetric-rnn": "cell", "talking-heads": "attention", "sinc-conv": "encoder"}
TARGETS = {"cell": 30, "attention": 40, "encoder": 30}  # lines of a component
PUBLIC = ("seqhub.api", "seqhub.nn", "seqhub.testing.pytest")


@pytest.fixture(autouse=True)
def _installed(tmp_path):
    with installed(*FOLDERS.values(), site=tmp_path / "site"):
        yield


def module(name: str):
    return importlib.import_module(f"seqhub_{name.replace('-', '_')}.{name.replace('-', '_')}")


def test_there_is_one_of_each_kind_and_none_is_in_the_hub():
    assert set(FOLDERS) == set(KINDS)
    assert not set(FOLDERS) & {name for names in PROVIDES.values() for name in names}
    registry = load_registry()
    assert {name: registry.resolve(name).spec.kind for name in FOLDERS} == KINDS


@pytest.mark.parametrize("name", KINDS)
def test_it_uses_public_doors_only(name):
    own = f"seqhub_{name.replace('-', '_')}"
    for path in FOLDERS[name].rglob("*.py"):
        for line, target in imports_of(path):
            if target.startswith("seqhub") and not target.startswith(own):
                door, _, attribute = target.rpartition(".")
                assert door in PUBLIC, f"{path}:{line}: {target}"
                assert attribute in importlib.import_module(door).__all__, f"{path}:{line}: {target}"


@pytest.mark.parametrize("name", KINDS)
def test_its_lines_are_those_of_the_page(name):
    package = FOLDERS[name] / "src" / f"seqhub_{name.replace('-', '_')}"
    component = code_lines(package / f"{name.replace('-', '_')}.py")
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    row = f"| {KINDS[name]} | `{name}` | {component} | {code_lines(package / 'plugin.py')} |"
    assert row in page
    assert component <= TARGETS[KINDS[name]]


@pytest.mark.parametrize("name", KINDS)
def test_its_recipe_is_sound(name):
    recipe, plan = check_recipe(FOLDERS[name] / "recipes" / f"{name}.yaml", load_registry())
    assert recipe.warnings == ()
    assert plan.geometry.streamable
    text = (FOLDERS[name] / "tests" / "test_conformance.py").read_text(encoding="utf-8")
    assert f'conformance("seqhub-{name}/{name}")' in text


@pytest.mark.heavy
@pytest.mark.parametrize("name", KINDS)
def test_it_keeps_the_contract(name):
    outcomes = run_checks(f"seqhub-{name}/{name}", checks=CONTRACT)
    assert [str(outcome) for outcome in outcomes if outcome.result == "failed"] == []
    assert too_few(outcomes) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_both_graphs_equal_torch(name):
    outcomes = run_checks(f"seqhub-{name}/{name}")
    assert [str(outcome) for outcome in outcomes if outcome.result == "failed"] == []


@pytest.mark.parametrize("gated", [True, False])
def test_the_antisymmetric_rnn_by_a_plain_loop(gated):
    cell = module("antisymmetric-rnn").AntisymmetricRnnCell(3, hidden=4, step=0.3, damping=0.2, gated=gated).double()
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    layer = Recurrent(cell)
    got = layer(x, torch.tensor([6]), layer.initial_state(1))[0][0].detach().numpy()
    w, v, b = (value.detach().numpy() for value in (cell.h_weight, *(cell.x_proj.weight, cell.x_proj.bias)))
    m = w - w.T - 0.2 * np.eye(4)
    h = np.zeros(4)
    for t, row in enumerate(x[0].numpy()):
        p = v @ row + b
        z = 1 / (1 + np.exp(-(m @ h + p[4:]))) if gated else 1.0
        h = h + 0.3 * z * np.tanh(m @ h + p[:4])
        np.testing.assert_allclose(got[t], h, rtol=1e-9, atol=1e-12)


def test_an_antisymmetric_state_turns_without_fading():
    """Without input and damping the equation is h' = tanh((W - W^T) h): its length stays, to the order of the step."""
    cell = module("antisymmetric-rnn").AntisymmetricRnnCell(1, hidden=8, step=0.001, damping=0.0, gated=False).double()
    torch.nn.init.zeros_(cell.x_proj.weight)
    torch.nn.init.zeros_(cell.x_proj.bias)
    layer, start = Recurrent(cell), 1e-3 * torch.randn(1, 8, dtype=torch.float64)
    with torch.no_grad():
        y, _, _ = layer(torch.zeros(1, 500, 1, dtype=torch.float64), torch.tensor([500]), {"h": start})
    assert float(y[0, -1].norm() / start.norm()) == pytest.approx(1.0, abs=2e-2)
    assert float((y[0, -1] - start).norm() / start.norm()) > 0.2


def test_talking_heads_by_a_plain_loop():
    layer = module("talking-heads").TalkingHeads(6, heads=3, window=3).double().eval()
    x = torch.randn(1, 7, 6, dtype=torch.float64)
    got = layer(x, torch.tensor([7]), layer.initial_state(1))[0][0].detach().numpy()
    q, k, v = (x[0] @ layer.qkv.weight.T).detach().numpy().reshape(7, 3, 3, 2).transpose(1, 0, 2, 3)  # [T H E] each
    before, after = layer.mix_before.detach().numpy(), layer.mix_after.detach().numpy()
    for t in range(7):
        seen = range(max(0, t - 2), t + 1)
        logits = np.array([[q[t, h] @ k[s, h] / math.sqrt(2) for s in seen] for h in range(3)])
        shares = np.exp(before @ logits)
        shares = after @ (shares / shares.sum(axis=1, keepdims=True))
        mixed = np.concatenate([sum(shares[h, i] * v[s, h] for i, s in enumerate(seen)) for h in range(3)])
        np.testing.assert_allclose(got[t], layer.out.weight.detach().numpy() @ mixed, rtol=1e-9, atol=1e-12)


def test_a_sinc_filter_passes_its_band_and_no_other():
    layer = module("sinc-conv").SincConv(1, filters=1, kernel=401)
    with torch.no_grad():
        layer.low.fill_(0.1)
        layer.band.fill_(0.1)
    taps = layer.taps()[0].detach().double()
    at = torch.arange(401, dtype=torch.float64)
    gain = {f: abs(complex((taps * torch.exp(-2j * math.pi * f * at)).sum())) for f in (0.05, 0.12, 0.15, 0.18, 0.25)}
    for frequency in (0.12, 0.15, 0.18):
        assert gain[frequency] == pytest.approx(1.0, abs=0.01)
    assert max(gain[0.05], gain[0.25]) < 0.01


def test_a_sinc_convolution_is_causal_and_keeps_columns_apart():
    layer = module("sinc-conv").SincConv(2, filters=3, kernel=5)
    x = torch.randn(1, 8, 2)
    y = layer(x, torch.tensor([8]), layer.initial_state(1))[0][0].detach()  # [T D*F]
    taps = layer.taps().detach()
    for t in range(8):
        window = torch.cat((torch.zeros(4, 2), x[0]))[t : t + 5]  # [K D]
        expected = torch.cat([taps @ window[:, column] for column in range(2)])
        torch.testing.assert_close(y[t], expected)


@pytest.mark.parametrize("name", KINDS)
def test_it_cites_its_paper(name):
    reference = load_registry().resolve(name).spec.reference
    assert re.fullmatch(r"arXiv:\d{4}\.\d{5}", reference)
    assert reference in (module(name).__doc__ or "")
