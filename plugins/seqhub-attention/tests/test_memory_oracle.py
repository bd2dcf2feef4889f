"""Attention to a memory, and the decoders, against loops over rows and steps in float64 from the papers' equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from seqhub.nn import Memory
from seqhub.testing.graphs import check_full_graph
from seqhub.testing.subject import Subject
from seqhub_attention.additive import Bahdanau
from seqhub_attention.cross import CrossAttention
from seqhub_attention.location import LocationAware
from seqhub_attention.luong import Luong
from seqhub_attention.monotonic import Monotonic
from seqhub_attention.plugin import seqhub_register_attentions

D, M, STEPS = 5, 4, [6, 3]
MEMORY = [7, 4]


def batch():
    torch.manual_seed(1)
    x, values = torch.randn(2, 6, D, dtype=torch.float64), torch.randn(2, 7, M, dtype=torch.float64)
    for row in range(2):
        x[row, STEPS[row] :] = values[row, MEMORY[row] :] = float("nan")
    return x, torch.tensor(STEPS), Memory(values, torch.tensor(MEMORY))


def built(cls, **options):
    torch.manual_seed(0)
    layer = cls(D, memory_width=M, **options).double().eval()
    return layer, {name: value.detach() for name, value in layer.named_parameters()}


def run(layer):
    x, lengths, memory = batch()
    state = layer.initial_state(2, memory_steps=7)
    y, out_lengths, after = layer(x, lengths, state, memory)
    assert torch.equal(out_lengths, lengths)
    return y, after, layer.alignments(x, lengths, state, memory) if "alignment" in layer.state else None


def recur(p, kind, x, attended, h, c):
    """torch's own cells, given [x; attended] as their input."""
    inputs, weight = x, p["cell.recurrence.x_proj.weight"]
    if attended is not None:
        inputs, weight = torch.cat((x, attended)), torch.cat((weight, p["cell.recurrence.a_proj.weight"]), dim=1)
    cell = (nn.LSTMCell if kind == "lstm" else nn.GRUCell)(len(inputs), len(h)).double()
    with torch.no_grad():
        cell.weight_ih.copy_(weight)
        cell.weight_hh.copy_(p["cell.recurrence.h_proj.weight"])
        cell.bias_ih.copy_(p["cell.recurrence.x_proj.bias"])
        cell.bias_hh.copy_(p.get("cell.recurrence.h_proj.bias", torch.zeros_like(cell.bias_hh)))
        if kind == "lstm":
            h, c = cell(inputs[None], (h[None], c[None]))
            return h[0], c[0]
        return cell(inputs[None], h[None])[0], c


def additive_loop(p, kind, row, align):
    """Outputs and alignments of one row: align(query, memory, last alignment, first step) -> alignment."""
    x, _, memory = batch()
    m, h = memory.values[row, : MEMORY[row]], torch.zeros(len(p["cell.query.weight"][0]), dtype=torch.float64)
    c, a = torch.zeros_like(h), torch.zeros(len(m), dtype=torch.float64)
    ys, alignments = [], []
    for t in range(STEPS[row]):
        a = align(h, m, a, t == 0)
        context = sum(a[j] * m[j] for j in range(len(m)))
        h, c = recur(p, kind, x[row, t], context, h, c)
        joined = torch.cat((h, context, x[row, t]))
        ys.append(torch.tanh(p["cell.out.weight"] @ joined + p["cell.out.bias"]))
        alignments.append(a)
    return torch.stack(ys), torch.stack(alignments)


def fit(p, h, m_j, further=0.0):
    return torch.tanh(p["cell.query.weight"] @ h + p["cell.key.weight"] @ m_j + p["cell.key.bias"] + further)


def hold(layer, p, kind, align):
    """The layer is the loop: outputs, alignments, and their last."""
    y, after, alignments = run(layer)
    for row, (n, s) in enumerate(zip(STEPS, MEMORY, strict=True)):
        want, aligned = additive_loop(p, kind, row, align)
        torch.testing.assert_close(y[row, :n], want, atol=1e-10, rtol=1e-10)
        torch.testing.assert_close(alignments[row, :n, :s], aligned, atol=1e-10, rtol=1e-10)
        assert not alignments[row, :, s:].any()
        torch.testing.assert_close(after["alignment"][row], alignments[row, n - 1], atol=1e-14, rtol=1e-12)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_bahdanau_is_its_equations(kind):
    layer, p = built(Bahdanau, hidden=3, attention_size=2, cell=kind)

    def align(h, m, last, first):
        return torch.stack([p["cell.score.weight"][0] @ fit(p, h, m_j) for m_j in m]).softmax(0)

    hold(layer, p, kind, align)


def test_location_aware_attention_is_its_equations():
    layer, p = built(LocationAware, hidden=3, attention_size=2, filters=2, kernel=3)

    def align(h, m, last, first):
        energies = []
        for j, m_j in enumerate(m):
            around = [last[j + i] if 0 <= j + i < len(m) else 0.0 for i in (-1, 0, 1)]
            f = p["cell.conv.weight"][:, 0] @ torch.tensor(around, dtype=torch.float64)
            energies.append(p["cell.score.weight"][0] @ fit(p, h, m_j, p["cell.feature.weight"] @ f))
        return torch.stack(energies).softmax(0)

    hold(layer, p, "gru", align)


def test_monotonic_attention_is_its_recurrence():
    layer, p = built(Monotonic, hidden=3, attention_size=2)
    v = p["cell.score.weight"][0]

    def align(h, m, last, first):
        if first:
            last = torch.tensor([1.0] + [0.0] * (len(m) - 1), dtype=torch.float64)
        chance = [torch.sigmoid(p["cell.gain"] * v @ fit(p, h, m_j) / math.sqrt(v @ v) + p["cell.offset"]) for m_j in m]
        arrived, found = 0.0, []  # q_j = (1 - p_(j-1)) q_(j-1) + a_j, a'_j = p_j q_j
        for j in range(len(m)):
            arrived = (1 - chance[j - 1]) * arrived + last[j] if j else last[j]
            found.append(chance[j] * arrived)
        return torch.stack(found)

    hold(layer, p, "gru", align)


def test_hard_monotonic_attention_stops_at_the_first_likely_step_and_never_goes_back():
    layer, p = built(Monotonic, hidden=3, attention_size=2, hard=True)
    with torch.no_grad():
        layer.cell.gain.fill_(4.0)
        layer.cell.offset.fill_(0.0)
    v, at = p["cell.score.weight"][0], 0

    def align(h, m, last, first):
        nonlocal at
        at = 0 if first else at
        alignment = torch.zeros(len(m), dtype=torch.float64)
        while at < len(m) and v @ fit(p, h, m[at]) <= 0:
            at += 1
        if at < len(m):
            alignment[at] = 1.0
        return alignment

    hold(layer, p, "gru", align)


@pytest.mark.parametrize(
    ("score", "feeding", "reach", "kind"),
    [("dot", True, 0, "gru"), ("general", False, 0, "lstm"), ("concat", True, 0, "lstm"), ("general", True, 2, "gru")],
)
def test_luong_is_its_equations(score, feeding, reach, kind):
    hidden = M if score == "dot" else 3
    options = {"score": score, "input_feeding": feeding, "reach": reach, "cell": kind}
    layer, p = built(Luong, hidden=hidden, **options)
    y, _, alignments = run(layer)
    x, _, memory = batch()
    for row, (n, s) in enumerate(zip(STEPS, MEMORY, strict=True)):
        m, h = memory.values[row, :s], torch.zeros(hidden, dtype=torch.float64)
        c, o = torch.zeros_like(h), torch.zeros_like(h)
        for t in range(n):
            h, c = recur(p, kind, x[row, t], o if feeding else None, h, c)
            if score == "dot":
                energies = m @ h
            elif score == "general":
                energies = torch.stack([h @ (p["cell.key.weight"] @ m_j) for m_j in m])
            else:
                energies = torch.stack([p["cell.score.weight"][0] @ fit(p, h, m_j) for m_j in m])
            a = energies.softmax(0)
            if reach:
                inner = torch.tanh(p["cell.place.0.weight"] @ h + p["cell.place.0.bias"])
                place = s * torch.sigmoid(p["cell.place.2.weight"][0] @ inner + p["cell.place.2.bias"][0])
                near = torch.tensor([j for j in range(s) if abs(j - place) <= reach])
                a = torch.zeros_like(a)
                a[near] = energies[near].softmax(0) * torch.exp(-((near - place) ** 2) / (2 * (reach / 2) ** 2))
            o = torch.tanh(p["cell.out.weight"] @ torch.cat((a @ m, h)) + p["cell.out.bias"])
            torch.testing.assert_close(y[row, t], o, atol=1e-10, rtol=1e-10)
            torch.testing.assert_close(alignments[row, t, :s], a, atol=1e-10, rtol=1e-10)


def test_cross_attention_is_torchs_multi_head_attention_with_its_mask():
    layer, p = built(CrossAttention, heads=5)
    torchs = nn.MultiheadAttention(D, 5, bias=False, kdim=M, vdim=M, batch_first=True).double()
    with torch.no_grad():
        torchs.q_proj_weight.copy_(p["q.weight"])
        torchs.k_proj_weight.copy_(p["kv.weight"][:D])
        torchs.v_proj_weight.copy_(p["kv.weight"][D:])
        torchs.out_proj.weight.copy_(p["out.weight"])
    x, _, memory = batch()
    y, _, _ = run(layer)
    values, padding = torch.nan_to_num(memory.values), torch.arange(7) >= memory.lengths[:, None]
    want, _ = torchs(torch.nan_to_num(x), values, values, key_padding_mask=padding, need_weights=False)
    for row, n in enumerate(STEPS):
        torch.testing.assert_close(y[row, :n], want[row, :n], atol=1e-10, rtol=1e-10)


DECODERS = [
    (Bahdanau, {}),
    (LocationAware, {"kernel": 3}),
    (Luong, {}),
    (Luong, {"reach": 1}),
    (Monotonic, {}),
    (Monotonic, {"hard": True}),
]


@pytest.mark.parametrize(("cls", "options"), DECODERS)
def test_an_empty_memory_gives_a_zero_context_and_no_nan_in_any_gradient(cls, options):
    layer, _ = built(cls, hidden=3, **options)
    x = torch.randn(2, 4, D, dtype=torch.float64)
    values = torch.full((2, 3, M), float("nan"), dtype=torch.float64).requires_grad_()
    memory = Memory(values, torch.tensor([0, 0]))
    state = layer.initial_state(2, memory_steps=3)
    y, _, after = layer(x, torch.tensor([4, 4]), state, memory)
    assert not after["alignment"].any()
    y.square().sum().backward()
    assert not values.grad.any()
    assert all(bool(torch.isfinite(q.grad).all()) for q in layer.parameters() if q.grad is not None)


def test_cross_attention_over_nothing_is_zero_and_has_a_zero_gradient():
    layer, _ = built(CrossAttention, heads=1)
    x = torch.randn(2, 4, D, dtype=torch.float64).requires_grad_()
    values = torch.full((2, 3, M), float("nan"), dtype=torch.float64)
    values[1, :2] = 1.0
    y, _, _ = layer(x, torch.tensor([4, 4]), {}, Memory(values, torch.tensor([0, 2])))
    assert not y[0].any()
    assert y[1].any()
    y.sum().backward()
    assert not x.grad[0].any()
    assert all(bool(torch.isfinite(q.grad).all()) for q in layer.parameters())


@pytest.mark.parametrize(("cls", "options"), DECODERS)
def test_one_step_of_decoding_is_a_step_of_teacher_forcing(cls, options):
    layer, _ = built(cls, hidden=3, **options)
    x, lengths, memory = batch()
    want, _, _ = layer(x, lengths, layer.initial_state(2, memory_steps=7), memory)
    state = layer.initial_state(2, memory_steps=7)
    for t in range(6):
        y, _, state = layer(x[:, t : t + 1], (lengths - t).clamp(0, 1), state, memory)
        torch.testing.assert_close(y[:, 0], want[:, t], atol=1e-12, rtol=1e-12)


def test_noise_moves_monotonic_attention_in_training_only():
    layer, _ = built(Monotonic, hidden=3)
    x, lengths, memory = batch()
    still, again = (layer(x, lengths, layer.initial_state(2, memory_steps=7), memory)[0] for _ in range(2))
    layer.train()
    moved = layer(x, lengths, layer.initial_state(2, memory_steps=7), memory)[0]
    assert torch.equal(still, again)
    assert not torch.equal(moved, still)


def test_monotonic_attention_survives_sure_stops_over_a_long_memory():
    layer, _ = built(Monotonic, hidden=3)
    layer = layer.float()
    with torch.no_grad():
        layer.cell.gain.fill_(200.0)
    x, memory = torch.randn(1, 5, D), Memory(torch.randn(1, 600, M).requires_grad_(), torch.tensor([600]))
    y, _, after = layer(x, torch.tensor([5]), layer.initial_state(1, memory_steps=600), memory)
    y.sum().backward()
    assert torch.isfinite(memory.values.grad).all()
    assert float(after["alignment"].detach().sum()) <= 1 + 1e-5


@pytest.mark.heavy
def test_hard_monotonic_attention_decides_in_the_graph_too():
    spec = next(spec for spec in seqhub_register_attentions() if spec.name == "monotonic")
    check_full_graph(Subject(spec, "seqhub-attention/monotonic", {"hidden": 3, "hard": True}))
