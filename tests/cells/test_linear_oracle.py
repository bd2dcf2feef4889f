"""The gated linear cells against slow loops in float64, one number at a time, from the equations of their papers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqhub_cells.hgrn import HGRNCell
from seqhub_cells.mamba import MambaCell
from seqhub_cells.min_lstm import MinLSTMCell
from seqhub_cells.qrnn import QRNNCell
from seqhub_cells.rg_lru import RGLRUCell
from seqhub_cells.sru import SRUCell
from tests.cells.linear import close, numbers, run, shaken, sigmoid, silu, weights

STEPS = 9


def test_min_lstm():
    """Feng et al. 2024, arXiv:2410.01201, section 3.2.3 (the length-independent form)."""
    cell = shaken(MinLSTMCell(4, hidden=3))
    x, y, first, last, _ = run(cell, STEPS)
    w, b = weights(cell)["x_proj.weight"], weights(cell)["x_proj.bias"]
    for row in range(2):
        for j in range(3):
            h = numbers(first, "h", row)[j]
            for t in range(STEPS):
                f = sigmoid(w[j] @ x[row, t] + b[j])
                i = sigmoid(w[3 + j] @ x[row, t] + b[3 + j])
                candidate = w[6 + j] @ x[row, t] + b[6 + j]
                h = f / (f + i) * h + i / (f + i) * candidate
                close(y[row, t, j], h)
            close(numbers(last, "h", row)[j], h)


def test_min_lstm_with_both_gates_shut_still_divides_its_budget():
    """f / (f + i) where sigmoid underflows: log f - log i = -100 - (-101)."""
    cell = MinLSTMCell(1, hidden=1)
    cell.x_proj.weight.data.zero_()
    cell.x_proj.bias.data[:] = cell.x_proj.bias.new_tensor([-200.0, -201.0, 3.0])
    a, b = cell.coeffs(cell.project(cell.x_proj.weight.new_zeros(1, 1)), None)["h"]
    assert a.item() == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-5)
    assert b.item() == pytest.approx(3 / (1 + math.exp(1)), rel=1e-5)


@pytest.mark.parametrize(("kernel", "pooling"), [(1, "f"), (2, "fo"), (3, "ifo")])
def test_qrnn(kernel, pooling):
    """Bradbury et al. 2017, arXiv:1611.01576, equations 1 and 3 to 5; zeros before the first step unless carried."""
    cell = shaken(QRNNCell(4, hidden=3, kernel=kernel, pooling=pooling))
    x, y, first, last, _ = run(cell, STEPS)
    w, b = weights(cell)["x_proj.weight"], weights(cell)["x_proj.bias"]
    for row in range(2):
        past = numbers(first, "inlet.x", row) if kernel > 1 else np.zeros((0, 4))
        seen = np.concatenate((past, x[row]))  # step t of the chunk is seen[kernel - 1 + t]
        c = numbers(first, "h", row).copy()
        for t in range(STEPS):
            masked = [sum(w[g, 4 * k : 4 * k + 4] @ seen[t + k] for k in range(kernel)) + b[g] for g in range(len(b))]
            for j in range(3):
                z, f = math.tanh(masked[j]), sigmoid(masked[3 + j])
                i = sigmoid(masked[9 + j]) if pooling == "ifo" else 1 - f
                c[j] = f * c[j] + i * z
                o = 1.0 if pooling == "f" else sigmoid(masked[6 + j])
                close(y[row, t, j], o * c[j])
        close(numbers(last, "h", row), c)
        if kernel > 1:
            close(numbers(last, "inlet.x", row), x[row, STEPS - kernel + 1 :])


@pytest.mark.parametrize("state_gates", [True, False])
@pytest.mark.parametrize("d_in", [3, 5])
def test_sru(d_in, state_gates):
    """Lei et al. 2018, arXiv:1709.02755v5, equations 1 to 4 with the highway's scale; v = 0 without state gates."""
    bias = -1.5
    cell = shaken(SRUCell(d_in, hidden=3, state_gates=state_gates, highway_bias=bias))
    x, y, first, last, _ = run(cell, STEPS)
    p = weights(cell)
    w, b = p["x_proj.weight"], p["bias"]
    v_f, v_r = p["v"] if state_gates else np.zeros((2, 3))
    alpha = math.sqrt(1 + 2 * math.exp(bias))
    for row in range(2):
        for j in range(3):
            c = numbers(first, "c", row)[j]
            for t in range(STEPS):
                u = x[row, t]
                f = sigmoid(w[3 + j] @ u + v_f[j] * c + b[j])
                r = sigmoid(w[6 + j] @ u + v_r[j] * c + b[3 + j])
                c = f * c + (1 - f) * (w[j] @ u)
                skip = u[j] if d_in == 3 else w[9 + j] @ u
                close(y[row, t, j], r * c + (1 - r) * alpha * skip)
            close(numbers(last, "c", row)[j], c)


@pytest.mark.parametrize(("d_in", "heads"), [(6, 3), (6, 1), (4, 2)])
def test_rg_lru(d_in, heads):
    """De et al. 2024, arXiv:2402.19427, equations 1 to 4: a_t = sigmoid(Lambda)^(8 r_t)."""
    cell = shaken(RGLRUCell(d_in, hidden=6, heads=heads))
    x, y, first, last, _ = run(cell, STEPS)
    p, width = weights(cell), 6 // heads
    for row in range(2):
        h = numbers(first, "h", row).copy()
        for t in range(STEPS):
            u = x[row, t] if d_in == 6 else p["x_proj.weight"] @ x[row, t] + p["x_proj.bias"]
            for j in range(6):
                n, k = divmod(j, width)
                own = u[n * width : (n + 1) * width]  # a head's gates read its own channels only
                r = sigmoid(own @ p["gates"][n, :, k] + p["gate_bias"][n, k])
                i = sigmoid(own @ p["gates"][n, :, width + k] + p["gate_bias"][n, width + k])
                a = sigmoid(p["decay"][j]) ** (8 * r)
                h[j] = a * h[j] + math.sqrt(1 - a**2) * (i * u[j])
            close(y[row, t], h)
        close(numbers(last, "h", row), h)


@pytest.mark.parametrize("rotate", [True, False])
def test_hgrn(rotate):
    """Qin et al. 2023, arXiv:2311.04823, section 3: complex recurrence, tied gates, floor, gated normalised output."""
    cell = shaken(HGRNCell(4, hidden=3, floor=0.4, rotate=rotate))
    x, y, first, last, _ = run(cell, STEPS)
    p, parts = weights(cell), 6 if rotate else 3
    for row in range(2):
        h = numbers(first, "h", row)
        h = h[:, 0] + 1j * h[:, 1] if rotate else h.copy()
        for t in range(STEPS):
            u = x[row, t]
            pre = p["x_proj.weight"] @ u + p["x_proj.bias"]
            for j in range(3):
                f = 0.4 + 0.6 * sigmoid(pre[j])
                if rotate:
                    c = silu(pre[3 + 2 * j]) + 1j * silu(pre[4 + 2 * j])
                    h[j] = f * np.exp(1j * p["theta"][j]) * h[j] + (1 - f) * c
                else:
                    h[j] = f * h[j] + (1 - f) * silu(pre[3 + j])
            flat = np.stack((h.real, h.imag), axis=-1).reshape(-1) if rotate else h
            centred = flat - sum(flat) / parts
            normed = centred / math.sqrt(sum(centred**2) / parts + 1e-5) * p["norm.weight"] + p["norm.bias"]
            gate = silu(p["gate.weight"] @ u + p["gate.bias"])
            close(y[row, t], p["out.weight"] @ (normed * gate) + p["out.bias"])
        close(numbers(last, "h", row), np.stack((h.real, h.imag), axis=-1) if rotate else h)


@pytest.mark.parametrize(("kernel", "rank"), [(3, None), (1, 2)])
def test_mamba(kernel, rank):
    """Gu and Dao 2023, arXiv:2312.00752, algorithm 2 with figure 3's block, channel by channel and state by state."""
    cell = shaken(MambaCell(4, hidden=3, states=2, kernel=kernel, rank=rank))
    x, y, first, last, _ = run(cell, STEPS)
    p, channels, states = weights(cell), 6, 2
    width = p["dt_proj.weight"].shape[1]
    for row in range(2):
        past = numbers(first, "inlet.x", row) if kernel > 1 else np.zeros((0, channels))
        inner = x[row] @ p["inlet.proj.weight"].T
        seen = np.concatenate((past, inner[:, :channels]))
        h = numbers(first, "h", row).copy()
        for t in range(STEPS):
            u = np.empty(channels)
            for e in range(channels):
                taps = p["inlet.conv.conv.weight"][e, 0]
                u[e] = silu(sum(taps[k] * seen[t + k, e] for k in range(kernel)) + p["inlet.conv.conv.bias"][e])
            chosen = p["x_proj.weight"] @ u
            low, b, c = chosen[:width], chosen[width : width + states], chosen[width + states :]
            out = np.zeros(channels)
            for e in range(channels):
                delta = math.log1p(math.exp(p["dt_proj.weight"][e] @ low + p["dt_bias"][e]))
                for n in range(states):
                    a = -math.exp(p["a_log"][e, n])
                    h[e, n] = math.exp(delta * a) * h[e, n] + delta * b[n] * u[e]
                    out[e] += c[n] * h[e, n]
                out[e] = (out[e] + p["d"][e] * u[e]) * silu(inner[t, channels + e])
            close(y[row, t], p["out.weight"] @ out)
        close(numbers(last, "h", row), h)
