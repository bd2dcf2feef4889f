"""The invented cells pass the whole suite, and equal loops over single numbers."""

from __future__ import annotations

import math

import pytest
import torch

from seqhub.nn import Context, Recurrent, Regularisation
from seqhub.testing.subject import Subject
from seqhub.testing.suite import CHECKS, run_check, too_few
from tests.cells.invented import SPECS, ContrastCell, MetronomeCell, SurpriseCell

pytestmark = pytest.mark.heavy

SUBJECTS = [Subject(spec, f"test/{spec.name}", options) for spec in SPECS for options in spec.examples]


@pytest.mark.no_cover  # as in every conformance test
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_it_passes_every_check(subject):
    outcomes = [run_check(check, subject) for check in CHECKS]
    assert [str(outcome) for outcome in outcomes if outcome.result == "failed"] == []
    assert not too_few(outcomes)
    graphs = {outcome.check: outcome.result for outcome in outcomes if outcome.check.endswith("graph")}
    assert set(graphs.values()) == {"passed"}


def sig(a):
    return 1 / (1 + math.exp(-a))


def batch(d_in, steps):
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(1, steps, d_in, generator=generator, dtype=torch.float64)
    return x, torch.rand(1, steps, generator=generator, dtype=torch.float64) + 0.2


def test_surprise_by_hand():
    cell = SurpriseCell(3, hidden=2).double().requires_grad_(False)
    x, _ = batch(3, 6)
    layer = Recurrent(cell)
    y, _, _ = layer(x, torch.tensor([6]), layer.initial_state(1))
    h, guess = [0.0, 0.0], [0.0, 0.0]
    for t in range(6):
        seen = cell.seen(x[0, t]).tolist()
        recalled = [sum(float(w) * v for w, v in zip(row, h, strict=True)) for row in cell.recall.weight]
        e = [a - b for a, b in zip(seen, guess, strict=True)]
        g = [sig(abs(a) - 1.0) for a in e]
        h = [(1 - g[j]) * h[j] + g[j] * math.tanh(e[j] + recalled[j]) for j in range(2)]
        guess = [guess[j] + 0.5 * e[j] for j in range(2)]
        torch.testing.assert_close(y[0, t], torch.tensor(h, dtype=torch.float64), atol=1e-9, rtol=1e-9)


def test_metronome_reads_the_elapsed_time():
    cell = MetronomeCell(3, hidden=1, width=2).double().requires_grad_(False)
    x, dt = batch(3, 6)
    layer = Recurrent(cell)
    y, _, after = layer(x, torch.tensor([6]), layer.initial_state(1), None, Context(dt=dt))
    h = angle = 0.0
    for t in range(6):
        angle += sig(float(cell.speed(x[0, t]))) * float(dt[0, t])
        g = sig(4 * math.cos(angle))
        h += g * (math.tanh(float(cell.seen(x[0, t])) + float(cell.recall.weight) * h) - h)
        want = cell.out(torch.tensor([h, math.cos(angle)], dtype=torch.float64)) + cell.skip(x[0, t])
        torch.testing.assert_close(y[0, t], want, atol=1e-9, rtol=1e-9)
    assert float(after["angle"]) == pytest.approx(angle)


def test_contrast_reads_the_elapsed_time_in_parallel():
    cell = ContrastCell(3, hidden=1).double().requires_grad_(False)
    x, dt = batch(3, 40)
    layer = Recurrent(cell)
    y, _, _ = layer(x, torch.tensor([40]), layer.initial_state(1), None, Context(dt=dt))
    fast = slow = 0.0
    for t in range(40):
        f, s, value, gate = cell.proj(x[0, t]).tolist()
        a, b = (math.exp(-math.log1p(math.exp(speed)) * float(dt[0, t])) for speed in (f, s))
        fast, slow = a * fast + (1 - a) * value, b * slow + (1 - b) * value
        assert float(y[0, t]) == pytest.approx(math.tanh(fast - slow) * sig(gate), abs=1e-9)


@pytest.mark.parametrize("subject", SUBJECTS[:1] + SUBJECTS[2:], ids=lambda subject: subject.name)
def test_it_takes_zoneout_without_knowing(subject):
    cell = subject.cell()
    layer = Recurrent(cell, regularisation=Regularisation(input_dropout=0.2, zoneout=0.3)).train()
    x, lengths = torch.randn(2, 9, 8), torch.tensor([9, 4])
    y, _, _ = layer(x, lengths, layer.initial_state(2))
    again, _, _ = layer(x, lengths, layer.initial_state(2))
    assert not torch.equal(y, again)
    assert bool((y[1, 4:] == 0).all())
