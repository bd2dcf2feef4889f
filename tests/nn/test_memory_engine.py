"""The memory engine against its own loop: outputs, states and gradients, at any length, decay, padding and reset."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.nn import Context, Recurrent
from seqhub.nn.engines import run_memory, run_steps
from seqhub.nn.engines.decay import HeadDecay, KeyDecay, MildDecay, make_decay
from seqhub.nn.memory import MemoryCell, Terms
from seqhub.nn.padding import valid_steps, zero_padding

B, H, K, V = 2, 2, 6, 3
RULES = ("head", "key", "key before", "head delta", "key delta", "erase", "erase before", "head erase", "level")


class Given(MemoryCell):
    """A cell whose terms are handed over as its projection."""

    def __init__(self, rule: str) -> None:
        super().__init__(1, output_size=H * V, heads=H, key_dim=K, value_dim=V, levels=rule == "level")
        self.rule = rule

    def terms(self, p, ctx):
        q, k, v, g, s, b = p
        g = g[..., :1] if "head" in self.rule or self.rule == "level" else g
        before = "before" in self.rule
        k, b = F.normalize(k, dim=-1), F.normalize(b, dim=-1)
        if "erase" in self.rule:
            return Terms(q, k, v, g, erase=(-s.sigmoid()[..., None] * b, b), read_before=before)
        if self.rule == "level":
            return Terms(q, k, v, g, log_input=s)
        return Terms(q, k, v, g, beta=2 * s.sigmoid() if "delta" in self.rule else None, read_before=before)

    def emit(self, y, p, level):
        return y.flatten(-2) if level is None else (y / (1 + level.square())[..., None]).flatten(-2)


def inputs(steps: int, decay: Tensor | float = -1.0, seed: int = 0) -> list[Tensor]:
    """q k v g s b, leaves in float64; decay: the scale of random log decays, or the log decays themselves."""
    make = torch.Generator().manual_seed(seed)
    q, k, b, v = (torch.randn(B, steps, H, n, generator=make, dtype=torch.float64) for n in (K, K, K, V))
    s = torch.randn(B, steps, H, generator=make, dtype=torch.float64)
    g = decay if isinstance(decay, Tensor) else decay * torch.rand(B, steps, H, K, generator=make, dtype=torch.float64)
    return [x.requires_grad_() for x in (q, k, v, g.clone(), s, b)]


def run(engine, rule: str, p: list[Tensor], lengths: Tensor, reset: Tensor | None = None, dtype=torch.float64):
    """Outputs, last state and gradients by p and by the first state."""
    cell = Given(rule)
    make = torch.Generator().manual_seed(9)
    first = {
        name: torch.rand(B, *slot.shape, generator=make, dtype=torch.float64).to(dtype).requires_grad_()
        for name, slot in cell.state.items()
    }
    given = [x.detach().to(dtype).requires_grad_() for x in p]
    y, last = engine(cell, tuple(given), first, valid_steps(lengths, p[0].shape[1]), Context(reset=reset))
    y = zero_padding(y, lengths)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)).sum() + sum(
        x.sin().sum() for x in last.values()
    )
    leaves = [*given, *first.values()]
    return y, last, torch.autograd.grad(loss, leaves, allow_unused=True)


def agree(rule: str, p: list[Tensor], lengths: Tensor, reset: Tensor | None = None, dtype=torch.float64, tol=1e-10):
    """The chunk form in `dtype` against the loop in float64."""
    y, last, grads = run(run_memory, rule, p, lengths, reset, dtype)
    want, want_last, want_grads = run(run_steps, rule, p, lengths, reset)
    torch.testing.assert_close(y.double(), want, atol=tol, rtol=tol)
    for name, value in last.items():
        torch.testing.assert_close(value.double(), want_last[name], atol=tol, rtol=tol)
    for got, expected in zip(grads, want_grads, strict=True):
        if expected is not None:
            torch.testing.assert_close(got.double(), expected, atol=tol, rtol=tol)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [1, 2, 8, 9, 16, 17, 45])
def test_chunks_are_the_loop(rule, steps):
    agree(rule, inputs(steps), torch.full((B,), steps))
    agree(rule, inputs(steps, -30.0), torch.full((B,), steps))


@pytest.mark.parametrize("rule", RULES)
def test_ragged_rows_and_resets(rule):
    steps = 37
    p, lengths = inputs(steps, -7.0), torch.tensor([37, 20])
    reset = torch.zeros(B, steps, dtype=torch.bool)
    reset[0, [0, 5, 6, 16, 31]] = True
    reset[1, [15, 19]] = True
    agree(rule, p, lengths)
    agree(rule, p, lengths, reset)


@pytest.mark.parametrize("rule", RULES)
def test_padding_writes_nothing(rule):
    """Rows that end, and one that never begins: its state stays, bit for bit, reset marks in padding or not."""
    p = inputs(21)
    marks = torch.zeros(B, 21, dtype=torch.bool)
    marks[:, 15] = True
    for reset in (None, marks):
        _, last, _ = run(run_memory, rule, p, torch.tensor([0, 13]), reset, torch.float32)
        _, cut, _ = run(run_memory, rule, [x[:, :13] for x in p], torch.tensor([0, 13]), None, torch.float32)
        make = torch.Generator().manual_seed(9)
        for name, value in last.items():
            first = torch.rand(value.shape, generator=make, dtype=torch.float64).float()
            assert torch.equal(value[0], first[0])
            torch.testing.assert_close(value[1], cut[name][1], atol=1e-6, rtol=1e-6)


def decays(kind: str) -> Tensor:
    make = torch.Generator().manual_seed(4)
    shape = (B, 48, H, K)
    if kind.startswith("mix"):
        strong = float(kind.removeprefix("mix 0 / "))
        return strong * (torch.rand(shape, generator=make, dtype=torch.float64) < 0.5)
    return torch.full(shape, float(kind), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["0", "-5", "-8", "-12", "-60", "mix 0 / -5", "mix 0 / -10", "mix 0 / -80"])
@pytest.mark.parametrize("rule", ["key", "key before", "key delta", "erase", "head delta"])
def test_strong_decays_in_single_precision(kind, rule):
    """Where factored exponents overflow or lose the gradients' digits, the engine takes its other form: all within a
    few roundings of the float64 loop.
    """
    agree(rule, inputs(48, decays(kind)), torch.tensor([48, 48]), dtype=torch.float32, tol=2e-5)


def test_gradients_of_strong_decays_keep_their_relative_precision():
    """At a constant -8 all gradients by the decays are tiny; they are right relative to themselves."""
    for kind in ("-8", "-12"):
        p = inputs(48, decays(kind))
        _, _, grads = run(run_memory, "key", p, torch.tensor([48, 48]), dtype=torch.float32)
        _, _, wants = run(run_steps, "key", p, torch.tensor([48, 48]))
        gap = (grads[3].double() - wants[3]).abs().max() / wants[3].abs().max()
        assert gap < 1e-5


def test_the_form_is_chosen_by_the_strongest_decay():
    g = torch.full((1, 1, 1, 16, 4), -5.0)
    assert type(make_decay(g)) is MildDecay
    g[..., 7, 2] = -5.01
    assert type(make_decay(g)) is KeyDecay
    assert type(make_decay(g[..., :1])) is HeadDecay


def test_all_forms_score_pairs_alike():
    make = torch.Generator().manual_seed(0)
    x, y = (torch.randn(3, 8, 4, generator=make, dtype=torch.float64) for _ in range(2))
    g = -torch.rand(3, 8, 1, generator=make, dtype=torch.float64)
    for before in (False, True):
        want = torch.zeros(3, 8, 8, dtype=torch.float64)
        for t in range(8):
            for s in range(t):
                decay = g[:, s + 1 : t + (not before)].sum(1).exp()  # [3 1]
                want[:, t, s] = (x[:, t] * y[:, s] * decay).sum(-1)
        for form in (HeadDecay(g), MildDecay(g.expand(-1, -1, 4)), KeyDecay(g.expand(-1, -1, 4))):
            torch.testing.assert_close(form.scores(x, y, before=before), want, atol=1e-12, rtol=1e-12)


def test_input_gates_without_bound_do_not_overflow():
    """exp(300) is no number of float32; the level carries it. The output, weighed by exp(-m), is the loop's."""
    p = inputs(40, -0.5)
    with torch.no_grad():
        p[4].mul_(150.0)
    for dtype, tol in ((torch.float64, 1e-9), (torch.float32, 2e-4)):
        agree("level", p, torch.tensor([40, 33]), dtype=dtype, tol=tol)


def test_the_level_keeps_its_digits_over_a_long_sequence():
    """The log decays sum to -10,000, of which float32 keeps three decimals; the level is a difference of such sums."""
    p = inputs(2000, torch.full((B, 2000, H, K), -5.0, dtype=torch.float64))
    _, last, _ = run(run_memory, "level", p, torch.tensor([2000, 1500]), dtype=torch.float32)
    _, want, _ = run(run_steps, "level", p, torch.tensor([2000, 1500]))
    torch.testing.assert_close(last["m"].double(), want["m"], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_no_gradient_comes_from_the_future(rule):
    """Not even a rounding: what a step reads does not depend on later terms of its own chunk."""
    p = inputs(16)
    valid = torch.ones(B, 16, dtype=torch.bool)
    state = {name: slot.tensor(B, like=torch.float64) for name, slot in Given(rule).state.items()}
    for step in (0, 6, 7, 8):
        y, _ = run_memory(Given(rule), tuple(p), state, valid, Context())
        for grad in torch.autograd.grad(y[:, step].sum(), p, allow_unused=True):
            assert grad is None or not grad[:, step + 1 :].any()


@pytest.mark.parametrize("rule", RULES)
def test_autocast_changes_nothing(rule):
    p = inputs(19)
    plain = run(run_memory, rule, p, torch.tensor([19, 7]), dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = run(run_memory, rule, p, torch.tensor([19, 7]), dtype=torch.float32)
    assert torch.equal(plain[0], cast[0])
    assert all(torch.equal(value, cast[1][name]) for name, value in plain[1].items())


def test_an_empty_chunk_and_an_empty_batch():
    layer = Recurrent(Summing(4))
    state = layer.initial_state(2)
    y, _, after = layer(torch.zeros(2, 0, 4), torch.tensor([0, 0]), state)
    assert y.shape == (2, 0, 4)
    assert torch.equal(after["S"], state["S"])
    y, _, _ = layer(torch.zeros(0, 5, 4), torch.zeros(0, dtype=torch.int64), layer.initial_state(0))
    assert y.shape == (0, 5, 4)


class Summing(MemoryCell):
    """Terms may have one head that all share."""

    def __init__(self, d_in: int, **rule: bool) -> None:
        super().__init__(
            d_in, output_size=d_in, heads=2, key_dim=1, value_dim=d_in // 2, levels=rule.pop("levels", False)
        )
        self.rule = rule

    def terms(self, p, ctx):
        one = torch.ones(*p.shape[:-1], 1, 1)
        given = {name: one[..., 0] for name in ("beta", "log_input") if self.rule.get(name)}
        erase = (one, one) if self.rule.get("erase") else None
        return Terms(one, one, p.unflatten(-1, (2, -1)), 0 * one, erase=erase, **given)


def test_without_decay_and_with_one_key_it_is_a_running_sum():
    layer = Recurrent(Summing(4))
    x = torch.randn(3, 50, 4, dtype=torch.float64)
    state = {"S": torch.zeros(3, 2, 1, 2, dtype=torch.float64)}
    y, _, after = layer(x, torch.tensor([50, 50, 50]), state)
    torch.testing.assert_close(y, x.cumsum(1), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(after["S"].flatten(1), x.sum(1), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"erase": True, "beta": True}, "neither with beta nor with log_input"),
        ({"log_input": True}, "log_input is given, but the cell has levels=False"),
        ({"levels": True}, "log_input is None, but the cell has levels=True"),
        ({"levels": True, "log_input": True, "beta": True}, "additive rule and one decay a head"),
    ],
)
def test_terms_that_do_not_go_together(rule, message):
    layer = Recurrent(Summing(4, **rule))
    for steps in (1, 5):
        with pytest.raises(ValueError, match=message):
            layer(torch.zeros(1, steps, 4), torch.tensor([steps]), layer.initial_state(1))


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="key_dim is 0, expected 1 or more"):
        MemoryCell(4, output_size=4, heads=2, key_dim=0, value_dim=2)
