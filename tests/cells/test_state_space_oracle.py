"""The state-space cells against float64 oracles: complex loops, convolution kernels, dense real systems."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch

from seqhub.nn import Recurrent
from seqhub_cells.lru import LRUCell
from seqhub_cells.s4d import S4DCell
from seqhub_cells.s5 import S5Cell
from seqhub_cells.ssm import hippo_normal, zero_order_hold
from tests.cells.linear import close, numbers, run, shaken, sigmoid, weights

STEPS = 9


def hippo_legs(size: int) -> np.ndarray:
    """Gu et al. 2020, arXiv:2008.07669, theorem 2: A[n, k] is -sqrt((2n+1)(2k+1)) below the diagonal, -(n+1) on it."""
    a = np.zeros((size, size))
    for n in range(size):
        for k in range(n):
            a[n, k] = -math.sqrt((2 * n + 1) * (2 * k + 1))
        a[n, n] = -(n + 1)
    return a


def test_lru():
    """Orvieto et al. 2023, arXiv:2303.06349, sections 3.3 and 3.4: exponential parametrisation, normalised input."""
    cell = shaken(LRUCell(4, hidden=3, states=5))
    x, y, first, last, _ = run(cell, STEPS)
    p = weights(cell)
    for row in range(2):
        h = numbers(first, "h", row)
        h = [complex(*pair) for pair in h]
        for t in range(STEPS):
            out = p["skip.weight"] @ x[row, t]
            for n in range(5):
                eigenvalue = cmath.exp(complex(-math.exp(p["nu"][n]), math.exp(p["theta"][n])))
                b = p["b.weight"][2 * n] + 1j * p["b.weight"][2 * n + 1]
                h[n] = eigenvalue * h[n] + math.exp(p["gamma"][n]) * (b @ x[row, t])
                for j in range(3):
                    out[j] += (complex(*p["c"][j, n]) * h[n]).real
            close(y[row, t], out)
        close(numbers(last, "h", row), [[value.real, value.imag] for value in h])


def test_s4d_is_a_convolution_with_its_kernel():
    """Gu et al. 2022, arXiv:2206.11893, equation 4: K_l = 2 Re sum_n C_n (exp(s L_n) - 1) / L_n exp(l s L_n)."""
    cell = shaken(S4DCell(3, hidden=4, states=5, dt_min=0.05, dt_max=0.5))
    layer, p = Recurrent(cell), weights(cell)
    x = torch.randn(1, STEPS, 3, dtype=torch.float64)
    with torch.no_grad():
        y = layer(x, torch.tensor([STEPS]), layer.initial_state(1))[0][0].numpy()
    u = x[0].numpy()
    for t in range(STEPS):
        mixed = np.zeros(3)
        for d in range(3):
            s = math.exp(p["log_dt"][d])
            for back in range(t + 1):
                kernel = 0.0
                for n in range(5):
                    rate = complex(-math.exp(p["log_rate"][d, n]), p["frequency"][d, n])
                    term = (cmath.exp(s * rate) - 1) / rate * cmath.exp(back * s * rate)
                    kernel += 2 * (complex(*p["c"][d, n]) * term).real
                mixed[d] += kernel * u[t - back, d]
            mixed[d] += p["d"][d] * u[t, d]
        active = [0.5 * a * (1 + math.erf(a / math.sqrt(2))) for a in mixed]
        pre = p["mix.weight"] @ np.array(active) + p["mix.bias"]
        close(y[t], pre[:4] * sigmoid(pre[4:]))


@pytest.mark.parametrize("dt", [False, True])
def test_s4d_step_by_step_from_a_carried_state(dt):
    """The recurrence that the kernel unrolls, with each step's own length: section 3.1's zero-order hold."""
    cell = shaken(S4DCell(3, hidden=4, states=2, spectrum="lin"))
    x, _, first, last, elapsed = run(cell, STEPS, dt=dt)
    p = weights(cell)
    for row in range(2):
        for d in range(3):
            for n in range(2):
                h = complex(*numbers(first, "h", row)[d, n])
                rate = complex(-math.exp(p["log_rate"][d, n]), p["frequency"][d, n])
                for t in range(STEPS):
                    s = math.exp(p["log_dt"][d]) * (elapsed[row, t] if dt else 1.0)
                    h = cmath.exp(s * rate) * h + (cmath.exp(s * rate) - 1) / rate * x[row, t, d]
                close(numbers(last, "h", row)[d, n], [h.real, h.imag])


@pytest.mark.parametrize("dt", [False, True])
def test_s5(dt):
    """Smith et al. 2023, arXiv:2208.04933, section 3: diagonal system, zero-order hold, a step size for each state."""
    cell = shaken(S5Cell(4, hidden=3, states=6, blocks=2))
    x, y, first, last, elapsed = run(cell, STEPS, dt=dt)
    p = weights(cell)
    for row in range(2):
        h = [complex(*pair) for pair in numbers(first, "h", row)]
        for t in range(STEPS):
            out = p["skip.weight"] @ x[row, t]
            for n in range(6):
                rate = complex(-math.exp(p["log_rate"][n]), p["frequency"][n])
                s = math.exp(p["log_dt"][n]) * (elapsed[row, t] if dt else 1.0)
                drive = sum(complex(*p["b"][n, i]) * x[row, t, i] for i in range(4))
                h[n] = cmath.exp(s * rate) * h[n] + (cmath.exp(s * rate) - 1) / rate * drive
                for j in range(3):
                    out[j] += 2 * (complex(*p["c"][j, n]) * h[n]).real
            close(y[row, t], out)
        close(numbers(last, "h", row), [[value.real, value.imag] for value in h])


def test_a_new_s5_is_a_dense_real_hippo_system():
    """With one step size for all, x' = A x + B u with A the normal part of HiPPO-LegS: by matrix exponential."""
    states, d_in, hidden, s = 4, 3, 2, 0.1
    cell = S5Cell(d_in, hidden=hidden, states=states).double()
    cell.log_dt.data[:] = math.log(s)
    root = np.sqrt(np.arange(2 * states) + 0.5)
    a = hippo_legs(2 * states) + np.outer(root, root)
    # V of the normal matrix from its own definition, phases included: turn B and C back to the real basis.
    cell.frequency.data[:], vectors = hippo_normal(2 * states)
    v = vectors.numpy()
    close(a @ v, v * (-0.5 + 1j * cell.frequency.detach().numpy()), 1e-10)
    b_pairs, c_pairs = weights(cell)["b"], weights(cell)["c"]
    b = 2 * (v @ (b_pairs[..., 0] + 1j * b_pairs[..., 1])).real  # [2N D]
    c = 2 * ((c_pairs[..., 0] + 1j * c_pairs[..., 1]) @ v.conj().T).real  # [H 2N]
    whole = np.zeros((2 * states + d_in, 2 * states + d_in))
    whole[: 2 * states, : 2 * states], whole[: 2 * states, 2 * states :] = a, b
    held = torch.matrix_exp(s * torch.from_numpy(whole)).numpy()  # Van Loan 1978: [[exp(sA), the held input's gain]]
    decay, gain = held[: 2 * states, : 2 * states], held[: 2 * states, 2 * states :]
    u = torch.randn(1, 20, d_in, dtype=torch.float64)
    layer = Recurrent(cell)
    with torch.no_grad():
        y = layer(u, torch.tensor([20]), layer.initial_state(1))[0][0].numpy()
    state = np.zeros(2 * states)
    for t in range(20):
        state = decay @ state + gain @ u[0, t].numpy()
        close(y[t], c @ state + weights(cell)["skip.weight"] @ u[0, t].numpy(), 1e-6)  # V was kept in float32


@pytest.mark.parametrize("size", [2, 6, 16])
def test_hippo_normal_part_has_a_constant_decay(size):
    """arXiv:2206.11893, section 3.2: A + p p^T with p = sqrt(n + 1/2) is normal, with real part -1/2 throughout."""
    root = np.sqrt(np.arange(size) + 0.5)
    values = np.linalg.eigvals(hippo_legs(size) + np.outer(root, root))
    np.testing.assert_allclose(values.real, -0.5, atol=1e-10)
    close(np.sort(values.imag)[size // 2 :], hippo_normal(size)[0].numpy())


def test_zero_order_hold_keeps_its_digits_at_tiny_steps():
    """The gain of a step of 1e-6 is 1e-6 to float32's precision, where (exp(s L) - 1) / L would keep one digit."""
    a, gain = zero_order_hold(torch.tensor(math.log(0.5)), torch.tensor(3.0), torch.tensor(1e-6))
    assert gain[0].item() == pytest.approx(1e-6, rel=1e-6)
    assert a[0].item() == pytest.approx(1.0, abs=1e-6)
