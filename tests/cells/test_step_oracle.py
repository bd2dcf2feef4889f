"""Step cells against loops written from the papers' equations: one row, one unit, one number at a time, in float64.

Each oracle takes plain lists of numbers and knows nothing of the cell but where its weights lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Recurrent
from seqhub_cells.cfc import CfCCell
from seqhub_cells.conv_lstm import ConvLSTMCell
from seqhub_cells.indrnn import IndRNNCell
from seqhub_cells.irnn import IRNNCell
from seqhub_cells.layernorm_gru import LayerNormGRUCell
from seqhub_cells.li_gru import LiGRUCell
from seqhub_cells.lstm_coupled import CoupledLSTMCell
from seqhub_cells.lstm_peephole import PeepholeLSTMCell
from seqhub_cells.lstm_projected import ProjectedLSTMCell
from seqhub_cells.ltc import LTCCell
from seqhub_cells.mgu import MGUCell
from seqhub_cells.slstm import SLSTMCell
from seqhub_cells.ugrnn import UGRNNCell

D, H, T = 6, 4, 7
Row = list[float]
State = dict[str, Row]


def sig(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def relu(a: float) -> float:
    return max(a, 0.0)


def dot(weights: Tensor, values: Row) -> float:
    assert len(weights) == len(values)
    return sum(w * v for w, v in zip(weights.tolist(), values, strict=True))


def stirred(cell: Cell, seed: int = 5) -> Cell:
    """The cell in float64 with every parameter moved off its first value, so that none hides as zero or one."""
    generator = torch.Generator().manual_seed(seed)
    cell = cell.double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.4 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return cell


def compare(cell: Cell, oracle: Callable[[Row, State, float], tuple[Row, State]], *, elapsed: bool = False) -> None:
    """Outputs at every step and the final state to 1e-9, over two ragged rows from a random state."""
    cell.requires_grad_(False)  # the oracle reads its weights as plain numbers
    generator = torch.Generator().manual_seed(9)
    lengths = torch.tensor([T, T - 3])
    x = torch.randn(2, T, D, generator=generator, dtype=torch.float64)
    dt = torch.rand(2, T, generator=generator, dtype=torch.float64) * 2 + 0.1 if elapsed else None
    layer = Recurrent(cell, native=False)
    state = {
        name: torch.rand(value.shape, generator=generator, dtype=torch.float64) + 0.5
        for name, value in layer.initial_state(2).items()
    }
    y, _, after = layer(x, lengths, state, None, Context(dt=dt))
    for row, n in enumerate(lengths.tolist()):
        now = {name: value[row].flatten().tolist() for name, value in state.items()}
        for t in range(n):
            out, now = oracle(x[row, t].tolist(), now, 1.0 if dt is None else float(dt[row, t]))
            torch.testing.assert_close(y[row, t], torch.tensor(out, dtype=torch.float64), atol=1e-9, rtol=1e-9)
        for name, value in now.items():
            got = after[name][row].flatten()
            torch.testing.assert_close(got, torch.tensor(value, dtype=torch.float64), atol=1e-9, rtol=1e-9)


def test_irnn():
    """Le et al. 2015: h_t = relu(W x_t + U h_(t-1) + b)."""
    cell = stirred(IRNNCell(D, hidden=H))
    w, u, b = cell.x_proj.weight, cell.h_proj.weight, cell.x_proj.bias

    def oracle(x, s, dt):
        h = [relu(dot(w[j], x) + dot(u[j], s["h"]) + float(b[j])) for j in range(H)]
        return h, {"h": h}

    compare(cell, oracle)


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_indrnn(nonlinearity):
    """Li et al. 2018, equation 1: h_t,n = sigma(w_n x_t + u_n h_(t-1),n + b_n)."""
    cell = stirred(IndRNNCell(D, hidden=H, nonlinearity=nonlinearity))
    squash = relu if nonlinearity == "relu" else math.tanh

    def oracle(x, s, dt):
        w, u, b = cell.x_proj.weight, cell.u, cell.x_proj.bias
        h = [squash(dot(w[j], x) + float(u[j]) * s["h"][j] + float(b[j])) for j in range(H)]
        return h, {"h": h}

    compare(cell, oracle)


def test_indrnn_clips_to_the_papers_range():
    """Li et al. 2018, section 3: |u| <= 2^(1/T), and a weight beyond it still has the gradient that it would have."""
    cell = IndRNNCell(D, hidden=H, steps=10).double()
    limit = 2 ** (1 / 10)
    with torch.no_grad():
        cell.u.copy_(torch.tensor([3.0, -3.0, 0.5, limit]))
    h = torch.ones(1, H, dtype=torch.float64)
    p = torch.full((1, H), 5.0, dtype=torch.float64)
    y, _ = cell.step(p, {"h": h}, Context())
    torch.testing.assert_close(y[0], torch.tensor([5 + limit, 5 - limit, 5.5, 5 + limit], dtype=torch.float64))
    (grad,) = torch.autograd.grad(y.sum(), cell.u)
    assert torch.equal(grad, torch.ones(H, dtype=torch.float64))


def test_ugrnn():
    """Collins et al. 2017: h_t = g * h_(t-1) + (1 - g) * c, both of x and h."""
    cell = stirred(UGRNNCell(D, hidden=H))
    w, u, b = cell.x_proj.weight, cell.h_proj.weight, cell.x_proj.bias

    def oracle(x, s, dt):
        h = []
        for j in range(H):
            g = sig(dot(w[j], x) + dot(u[j], s["h"]) + float(b[j]))
            c = math.tanh(dot(w[H + j], x) + dot(u[H + j], s["h"]) + float(b[H + j]))
            h.append(g * s["h"][j] + (1 - g) * c)
        return h, {"h": h}

    compare(cell, oracle)


def test_lstm_peephole():
    """Gers et al. 2002, section 3: input and forget gate see c_(t-1), the output gate sees c_t."""
    cell = stirred(PeepholeLSTMCell(D, hidden=H))
    w, u, b, p = cell.x_proj.weight, cell.h_proj.weight, cell.x_proj.bias, cell.peephole

    def net(k, j, x, s):
        return dot(w[k * H + j], x) + dot(u[k * H + j], s["h"]) + float(b[k * H + j])

    def oracle(x, s, dt):
        h, c = [], []
        for j in range(H):
            i = sig(net(0, j, x, s) + float(p[0, j]) * s["c"][j])
            f = sig(net(1, j, x, s) + float(p[1, j]) * s["c"][j])
            c.append(f * s["c"][j] + i * math.tanh(net(2, j, x, s)))
            h.append(sig(net(3, j, x, s) + float(p[2, j]) * c[j]) * math.tanh(c[j]))
        return h, {"h": h, "c": c}

    compare(cell, oracle)


def test_lstm_coupled():
    """Greff et al. 2015, CIFG: i_t = 1 - f_t in the LSTM's equations."""
    cell = stirred(CoupledLSTMCell(D, hidden=H))
    w, u, b = cell.x_proj.weight, cell.h_proj.weight, cell.x_proj.bias

    def net(k, j, x, s):
        return dot(w[k * H + j], x) + dot(u[k * H + j], s["h"]) + float(b[k * H + j])

    def oracle(x, s, dt):
        h, c = [], []
        for j in range(H):
            f = sig(net(0, j, x, s))
            i = 1 - f
            c.append(f * s["c"][j] + i * math.tanh(net(1, j, x, s)))
            h.append(sig(net(2, j, x, s)) * math.tanh(c[j]))
        return h, {"h": h, "c": c}

    compare(cell, oracle)


def test_lstm_projected_is_torch_lstm_with_proj_size():
    """torch.nn.LSTM(proj_size=P): outputs, final states and gradients, in float64."""
    cell = stirred(ProjectedLSTMCell(D, hidden=H, projection=3))
    reference = nn.LSTM(D, H, proj_size=3, batch_first=True).double()
    with torch.no_grad():
        reference.weight_ih_l0.copy_(cell.x_proj.weight)
        reference.weight_hh_l0.copy_(cell.h_proj.weight)
        reference.weight_hr_l0.copy_(cell.r_proj.weight)
        reference.bias_ih_l0.copy_(cell.x_proj.bias)
        reference.bias_hh_l0.zero_()
    x = torch.randn(3, T, D, dtype=torch.float64)
    r, c = torch.randn(3, 3, dtype=torch.float64), torch.randn(3, H, dtype=torch.float64)
    want, (last_r, last_c) = reference(x, (r[None], c[None]))
    y, _, after = Recurrent(cell)(x, torch.tensor([T, T, T]), {"r": r, "c": c})
    torch.testing.assert_close(y, want, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(after["r"], last_r[0], atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(after["c"], last_c[0], atol=1e-9, rtol=1e-9)
    y.square().sum().backward()
    want.square().sum().backward()
    for ours, theirs in (("x_proj", "weight_ih_l0"), ("h_proj", "weight_hh_l0"), ("r_proj", "weight_hr_l0")):
        got, expected = getattr(cell, ours).weight.grad, getattr(reference, theirs).grad
        torch.testing.assert_close(got, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(("heads", "forget"), [(1, "sigmoid"), (2, "sigmoid"), (2, "exponential"), (4, "sigmoid")])
def test_slstm(heads, forget):
    """Beck et al. 2024, section 2.2, in its unstabilised form: c = f c + i z, n = f n + i with i = exp, h = o c / n.

    The cell keeps c exp(-m) and n exp(-m): so the oracle needs no maximum, and its c and n are those times exp(m).
    """
    cell = stirred(SLSTMCell(D, hidden=H, heads=heads, forget=forget))
    k = H // heads
    w, b, r = cell.x_proj.weight, cell.x_proj.bias, cell.h_proj

    def net(gate, j, x, s):
        head = j // k
        row = head * 4 * k + gate * k + j % k
        return dot(w[row], x) + float(b[row]) + dot(r[row], s["h"][head * k : head * k + k])

    def oracle(x, s, dt):
        h, c, n, m = [], [], [], []
        for j in range(H):
            true_c, true_n = s["c"][j] * math.exp(s["m"][j]), s["n"][j] * math.exp(s["m"][j])
            i = math.exp(net(0, j, x, s))
            f = sig(net(1, j, x, s)) if forget == "sigmoid" else math.exp(net(1, j, x, s))
            true_c = f * true_c + i * math.tanh(net(2, j, x, s))
            true_n = f * true_n + i
            h.append(sig(net(3, j, x, s)) * true_c / true_n)
            m.append(max(math.log(f) + s["m"][j], math.log(i)))
            c.append(true_c / math.exp(m[j]))
            n.append(true_n / math.exp(m[j]))
        return h, {"h": h, "c": c, "n": n, "m": m}

    compare(cell, oracle)


def test_slstm_survives_gates_that_would_overflow():
    """Input gates of exp(+-200) from a fresh state: the output stays a weighted mean of candidates, within +-1."""
    cell = SLSTMCell(1, hidden=2).requires_grad_(False)
    with torch.no_grad():
        cell.x_proj.weight.zero_()
        cell.x_proj.weight[0:2] = 200.0  # the input gate of both units
        cell.x_proj.weight[4:6] = 1.0  # the candidate
    x = torch.tensor([[[1.0], [-1.0], [1.0], [0.5], [-1.0]]])
    layer = Recurrent(cell)
    y, _, after = layer(x, torch.tensor([5]), layer.initial_state(1))
    assert bool(torch.isfinite(y).all())
    assert float(y.abs().max()) <= 1.0
    assert float(after["n"].min()) >= 1.0 - 1e-6


def normalised(values: Row, norm: nn.LayerNorm, at: int = 0) -> Row:
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values) + norm.eps)
    return [(v - mean) / spread * float(norm.weight[at + j]) + float(norm.bias[at + j]) for j, v in enumerate(values)]


def test_layernorm_gru():
    """Ba et al. 2016, supplement: (z, r) = LN(W_h h) + LN(W_x x); n = tanh(LN(W x) + sigmoid(r) * LN(U h));
    h_t = (1 - sigmoid(z)) * h_(t-1) + sigmoid(z) * n.
    """
    cell = stirred(LayerNormGRUCell(D, hidden=H))
    w, u = cell.x_proj.weight, cell.h_proj.weight

    def oracle(x, s, dt):
        wx, uh = [dot(row, x) for row in w], [dot(row, s["h"]) for row in u]
        gates_x, gates_h = normalised(wx[: 2 * H], cell.x_gate_norm), normalised(uh[: 2 * H], cell.h_gate_norm)
        new_x, new_h = normalised(wx[2 * H :], cell.x_norm), normalised(uh[2 * H :], cell.h_norm)
        h = []
        for j in range(H):
            z, r = sig(gates_x[j] + gates_h[j]), sig(gates_x[H + j] + gates_h[H + j])
            n = math.tanh(new_x[j] + r * new_h[j])
            h.append((1 - z) * s["h"][j] + z * n)
        return h, {"h": h}

    compare(cell, oracle)


def test_mgu():
    """Zhou et al. 2016: f = sigma(W_f [h, x]); h~ = tanh(W_h [f * h, x]); h_t = (1 - f) * h_(t-1) + f * h~."""
    cell = stirred(MGUCell(D, hidden=H))
    w, b, u_f, u_n = cell.x_proj.weight, cell.x_proj.bias, cell.h_gate.weight, cell.h_cand.weight

    def oracle(x, s, dt):
        f = [sig(dot(w[j], x) + float(b[j]) + dot(u_f[j], s["h"])) for j in range(H)]
        gated = [f[j] * s["h"][j] for j in range(H)]
        n = [math.tanh(dot(w[H + j], x) + float(b[H + j]) + dot(u_n[j], gated)) for j in range(H)]
        h = [(1 - f[j]) * s["h"][j] + f[j] * n[j] for j in range(H)]
        return h, {"h": h}

    compare(cell, oracle)


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_li_gru(norm):
    """Ravanelli et al. 2018: z = sigma(N(W_z x) + U_z h); h~ = relu(N(W_h x) + U_h h);
    h_t = z * h_(t-1) + (1 - z) * h~.
    """
    cell = stirred(LiGRUCell(D, hidden=H, norm=norm))
    w, u, b = cell.x_proj.weight, cell.h_proj.weight, cell.x_proj.bias

    def oracle(x, s, dt):
        wx = [dot(row, x) for row in w]
        if norm == "layer":
            z_x, n_x = normalised(wx[:H], cell.z_norm), normalised(wx[H:], cell.n_norm)
        else:
            z_x, n_x = [wx[j] + float(b[j]) for j in range(H)], [wx[H + j] + float(b[H + j]) for j in range(H)]
        h = []
        for j in range(H):
            z = sig(z_x[j] + dot(u[j], s["h"]))
            h.append(z * s["h"][j] + (1 - z) * relu(n_x[j] + dot(u[H + j], s["h"])))
        return h, {"h": h}

    compare(cell, oracle)


@pytest.mark.parametrize(("layers", "elapsed"), [(1, True), (2, True), (1, False)])
def test_cfc(layers, elapsed):
    """Hasani et al. 2022, equation 10: x(t) = sigma(-f t) * g + (1 - sigma(-f t)) * h, heads on a shared backbone."""
    cell = stirred(CfCCell(D, hidden=H, backbone=5, layers=layers))

    def lecun(a):
        return 1.7159 * math.tanh(2 / 3 * a)

    def oracle(x, s, dt):
        z = [
            lecun(dot(cell.x_proj.weight[j], x) + dot(cell.h_proj.weight[j], s["h"]) + float(cell.x_proj.bias[j]))
            for j in range(5)
        ]
        for deeper in cell.deeper:
            z = [lecun(dot(deeper.weight[j], z) + float(deeper.bias[j])) for j in range(5)]
        out = [dot(cell.heads.weight[j], z) + float(cell.heads.bias[j]) for j in range(3 * H)]
        h = []
        for j in range(H):
            early = sig(-out[j] * dt)
            h.append(early * math.tanh(out[H + j]) + (1 - early) * math.tanh(out[2 * H + j]))
        return h, {"h": h}

    compare(cell, oracle, elapsed=elapsed)


@pytest.mark.parametrize(("unfolds", "elapsed"), [(6, True), (1, True), (6, False)])
def test_ltc(unfolds, elapsed):
    """Hasani et al. 2021, algorithm 1: x <- (x + d f A) / (1 + d (1/tau + f)), `unfolds` times over dt."""
    cell = stirred(LTCCell(D, hidden=H, unfolds=unfolds))

    def oracle(x, s, dt):
        v, d = s["v"], dt / unfolds
        for _ in range(unfolds):
            f = [
                sig(dot(cell.x_proj.weight[j], x) + dot(cell.h_proj.weight[j], v) + float(cell.x_proj.bias[j]))
                for j in range(H)
            ]
            per_tau = [math.log1p(math.exp(float(cell.rate[j]))) for j in range(H)]
            v = [(v[j] + d * f[j] * float(cell.target[j])) / (1 + d * (per_tau[j] + f[j])) for j in range(H)]
        return v, {"v": v}

    compare(cell, oracle, elapsed=elapsed)


def test_ltc_solves_its_differential_equation():
    """With no input and no recurrent weights f is 1/2 for good: v(t) = v_inf + (v_0 - v_inf) exp(-(1/tau + 1/2) t)."""
    cell = LTCCell(1, hidden=3, unfolds=64).double()
    with torch.no_grad():
        cell.x_proj.weight.zero_()
        cell.h_proj.weight.zero_()
    v0 = torch.tensor([[0.9, -0.4, 0.1]], dtype=torch.float64)
    dt = torch.tensor([[0.7, 1.1, 0.2]], dtype=torch.float64)
    nothing = torch.zeros(1, 3, 1, dtype=torch.float64)
    y, _, _ = Recurrent(cell)(nothing, torch.tensor([3]), {"v": v0}, None, Context(dt=dt))
    speed = nn.functional.softplus(cell.rate) + 0.5
    rest = 0.5 * cell.target / speed
    exact = rest + (v0 - rest) * torch.exp(-speed * dt.cumsum(1)[0, :, None])
    torch.testing.assert_close(y[0], exact, atol=5e-3, rtol=0)


@pytest.mark.parametrize(("positions", "kernel", "peephole"), [(3, 3, True), (6, 5, True), (2, 1, False), (1, 3, True)])
def test_conv_lstm(positions, kernel, peephole):
    """Shi et al. 2015, equation 3, on one axis: convolutions written out as sums over channels and taps."""
    channels, inputs = 2, D // positions
    cell = stirred(ConvLSTMCell(D, hidden=channels, positions=positions, kernel=kernel, peephole=peephole))
    w, u, b, p = cell.x_conv.weight, cell.h_conv.weight, cell.x_conv.bias, cell.peephole

    def conv(weight, row, values, width):  # values channel by channel, zero outside the positions
        def at(source, place):
            return values[source * positions + place] if 0 <= place < positions else 0.0

        def out(place):
            taps = ((source, tap) for source in range(width) for tap in range(kernel))
            return sum(float(weight[row, a, tap]) * at(a, place + tap - kernel // 2) for a, tap in taps)

        return out

    def oracle(x, s, dt):
        h, c = [0.0] * (channels * positions), [0.0] * (channels * positions)
        for j in range(channels):
            for q in range(positions):
                n = j * positions + q

                def net(gate, j=j, q=q):
                    row = gate * channels + j
                    return conv(w, row, x, inputs)(q) + float(b[row]) + conv(u, row, s["h"], channels)(q)

                see = [float(p[g, j, q]) if peephole else 0.0 for g in range(3)]
                i, f = sig(net(0) + see[0] * s["c"][n]), sig(net(1) + see[1] * s["c"][n])
                c[n] = f * s["c"][n] + i * math.tanh(net(2))
                h[n] = sig(net(3) + see[2] * c[n]) * math.tanh(c[n])
        return h, {"h": h, "c": c}

    compare(cell, oracle)
