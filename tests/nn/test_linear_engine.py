"""The linear engine against a plain loop: lengths around those that join steps in pairs, complex numbers, gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqhub.nn import Context, LinearCell, Recurrent, Slot
from seqhub.nn.engines import linear, scan
from seqhub.nn.engines.scan import FEW, LEVELS, linear_scan
from seqhub.nn.pairs import conjugate, divide, expm1, from_complex, multiply, polar
from seqhub_cells.s5 import S5Cell

JOINED = 4 * FEW  # longer sequences have their steps joined in pairs
LENGTHS = [1, 2, 3, FEW, JOINED, JOINED + 1, JOINED + 2, JOINED + 3, FEW << LEVELS, (FEW << LEVELS) + 1, 700]


def loop(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """h_t = a_t h_(t-1) + b_t, one number after the other, in whatever arithmetic the tensors have."""
    h, every = h0, []
    for t in range(a.shape[1]):
        h = a[:, t] * h + b[:, t]
        every.append(h)
    return torch.stack(every, dim=1)


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype).requires_grad_()


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize(("name", "value"), [("PART", scan.PART), ("PART", 6 * (JOINED + 3)), ("SMALL_STEP", {})])
def test_real_numbers_and_gradients_are_the_loops(steps, name, value, monkeypatch):
    """All at once; part after part, which ends within a pair; step by step."""
    monkeypatch.setattr(scan, name, value)
    torch.manual_seed(0)
    a, b, h0 = drawn(2, steps, 3), drawn(2, steps, 3), drawn(2, 3)
    gains = a.sigmoid() * 1.2  # some of them above 1
    want = loop(gains, b, h0)
    h, last = linear_scan(gains, b, h0)
    torch.testing.assert_close(h, want, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(last, want[:, -1], rtol=1e-10, atol=1e-10)
    weight = torch.randn_like(want)
    wants = torch.autograd.grad((want * weight).sum(), (a, b, h0), retain_graph=True)
    for got, expected in zip(torch.autograd.grad((h * weight).sum(), (a, b, h0)), wants, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", LENGTHS)
def test_pairs_are_complex_numbers(steps):
    """Forward and gradients against torch's own complex autograd."""
    torch.manual_seed(1)
    radius, angle = torch.rand(2, steps, 3, dtype=torch.float64), torch.randn(2, steps, 3, dtype=torch.float64)
    a = torch.polar(radius, angle).requires_grad_()
    b, h0 = drawn(2, steps, 3, dtype=torch.complex128), drawn(2, 3, dtype=torch.complex128)
    want = loop(a, b, h0)
    h, last = linear_scan(from_complex(a), from_complex(b), from_complex(h0), pairs=True)
    torch.testing.assert_close(h, from_complex(want), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(last, from_complex(want[:, -1]), rtol=1e-10, atol=1e-10)
    weight = torch.randn(2, steps, 3, 2, dtype=torch.float64)
    wants = torch.autograd.grad((from_complex(want) * weight).sum(), (a, b, h0))
    for got, expected in zip(torch.autograd.grad((h * weight).sum(), (a, b, h0)), wants, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pairs", [False, True])
def test_one_gain_for_all_steps_gets_the_sum_of_their_gradients(pairs):
    """Closed form: with a constant, h_T = sum_t a^(T-t) b_t."""
    torch.manual_seed(2)
    steps = 8 * FEW + 5
    a = torch.polar(torch.tensor([0.9, 0.99]), torch.tensor([0.3, -1.0])).to(torch.complex128)
    given = (from_complex(a) if pairs else a.real).clone().requires_grad_()
    b = torch.randn(2, steps, *given.shape, dtype=torch.float64)
    h, last = linear_scan(given.expand_as(b), b, torch.zeros_like(b[:, 0]), pairs=pairs)
    powers = (a if pairs else a.real) ** torch.arange(steps - 1, -1, -1)[:, None]  # [T 2]
    numbers = torch.view_as_complex(b) if pairs else b
    want = (powers * numbers).sum(1)
    torch.testing.assert_close(last, from_complex(want) if pairs else want, rtol=1e-10, atol=1e-12)
    (got,) = torch.autograd.grad(h[:, -1].sum(), given)
    expected = []
    for i in range(given.numel()):
        nudged = []
        for sign in (1, -1):
            moved = given.detach().clone()
            moved.view(-1)[i] += sign * 1e-6
            nudged.append(linear_scan(moved.expand_as(b), b, torch.zeros_like(b[:, 0]), pairs=pairs)[1].sum())
        expected.append((nudged[0] - nudged[1]) / 2e-6)
    torch.testing.assert_close(got.flatten(), torch.stack(expected), rtol=1e-5, atol=1e-6)


def test_gains_far_beyond_one_make_no_nan_of_a_zero_state():
    """Leading zeros stay zero however large the gains: no infinity times zero between pairs."""
    steps = 16 * FEW
    b = torch.zeros(1, steps, 1)
    b[0, -2] = 1.0
    h, last = linear_scan(torch.full((1, steps, 1), 10.0), b, torch.zeros(1, 1))
    assert h[0, : steps - 2].eq(0).all()
    assert last.item() == 10.0


def test_no_steps_at_all():
    h, last = linear_scan(torch.zeros(2, 0, 3), torch.zeros(2, 0, 3), torch.ones(2, 3))
    assert h.shape == (2, 0, 3)
    assert last.eq(1).all()


class Turner(LinearCell):
    """A complex state with a first value, turned and decayed by fixed numbers."""

    complex_slots = frozenset({"h"})

    def __init__(self) -> None:
        super().__init__(2, output_size=2, state={"h": Slot((1, 2), init=0.5), "r": Slot((2,), init=-1.0)})
        self.rate = torch.nn.Parameter(torch.tensor([[0.6, 0.7]]))

    def coeffs(self, p, ctx):
        return {"h": (self.rate, p[..., None, :]), "r": (torch.tensor([0.5, 2.0], dtype=p.dtype), p)}

    def emit(self, h, p):
        return h["h"][..., 0, :] + h["r"]


def test_a_reset_starts_from_the_slots_first_value():
    """By hand: after a reset at t, h_t = rate * (0.5 + 0.5i) + x_t."""
    cell = Turner().double()
    layer = Recurrent(cell)
    x = torch.randn(1, 5, 2, dtype=torch.float64)
    reset = torch.tensor([[False, False, False, True, False]])
    _, _, state = layer(x, torch.tensor([5]), layer.initial_state(1), None, Context(reset=reset))
    rate = complex(*cell.rate[0].tolist())
    h, r = complex(0.5, 0.5), torch.full((2,), -1.0, dtype=torch.float64)
    for t in (3, 4):
        h = rate * h + complex(*x[0, t].tolist())
        r = torch.tensor([0.5, 2.0], dtype=torch.float64) * r + x[0, t]
    torch.testing.assert_close(state["h"][0, 0], torch.tensor([h.real, h.imag], dtype=torch.float64))
    torch.testing.assert_close(state["r"][0], r)


def test_long_chunks_are_worked_on_part_by_part(monkeypatch):
    """Cut into parts of three steps: the same outputs, state and gradients, with resets, elapsed times and padding."""
    torch.manual_seed(3)
    layer = Recurrent(S5Cell(3, hidden=2, states=2)).double()
    x = torch.randn(2, 10, 3, dtype=torch.float64)
    ctx = Context(dt=torch.rand(2, 10, dtype=torch.float64), reset=torch.rand(2, 10) < 0.2)
    lengths, results = torch.tensor([10, 4]), []
    for numbers in (1 << 19, 3 * 2 * 4):
        monkeypatch.setattr(linear, "PART", numbers)
        y, _, state = layer(x, lengths, layer.initial_state(2), None, ctx)
        grads = torch.autograd.grad(y.square().sum() + state["h"].sum(), list(layer.parameters()))
        results.append((y, state["h"], *grads))
    for whole, parts in zip(*results, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-10, atol=1e-10)


def test_decays_survive_autocast():
    """A decay of 0.999 is 1 in bfloat16; the engine computes and runs it in float32."""

    class Slow(LinearCell):
        def __init__(self) -> None:
            super().__init__(1, output_size=1, state={"h": Slot((1,), init=1.0)})
            self.proj = torch.nn.Linear(1, 1)
            torch.nn.init.zeros_(self.proj.weight)
            torch.nn.init.constant_(self.proj.bias, 0.001)

        def project(self, x):
            return self.proj(x)

        def coeffs(self, p, ctx):
            return {"h": (torch.exp(-p), torch.zeros_like(p))}

        def emit(self, h, p):
            return h["h"]

    layer = Recurrent(Slow())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, _, state = layer(torch.zeros(1, 200, 1), torch.tensor([200]), layer.initial_state(1))
    assert state["h"].dtype == torch.float32
    assert abs(state["h"].item() - 0.8187) < 0.001  # exp(-0.2), the bias itself rounded to eight bits


def test_pair_arithmetic_is_complex_arithmetic():
    x, y = torch.randn(2, 7, dtype=torch.complex128)
    torch.testing.assert_close(multiply(from_complex(x), from_complex(y)), from_complex(x * y))
    torch.testing.assert_close(divide(from_complex(x), from_complex(y)), from_complex(x / y))
    torch.testing.assert_close(conjugate(from_complex(x)), from_complex(x.conj()))
    torch.testing.assert_close(polar(x.real, x.imag), from_complex(x.exp()))
    torch.testing.assert_close(expm1(x.real, x.imag), from_complex(x.exp() - 1))
    tiny = torch.tensor(1e-9)
    assert abs(expm1(-tiny, tiny) - torch.tensor([-1e-9, 1e-9])).max() < 1e-16  # exp(z) - 1 in float32 would give 0
