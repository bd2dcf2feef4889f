"""Compiled blocks of steps against the plain loop; when they are compiled, and what happens where they cannot be."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Slot, valid_steps, zero_padding
from seqhub.nn.engines import blocks, compiled, compiling, exporting, rows
from seqhub.nn.engines.fusible import rational_tanh
from seqhub.nn.engines.sequential import run_steps


class Toy(Cell):
    """A gate, a norm in the loop, an output that is no state, and every way in which a parameter gets its gradient."""

    def __init__(self, d_in: int, hidden: int = 5) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,), init=0.25), "c": Slot((hidden,))})
        self.proj = nn.Linear(d_in, 2 * hidden)
        self.turn = nn.Linear(hidden, 2 * hidden, bias=False)
        self.norm = nn.LayerNorm(hidden)
        self.peep = nn.Parameter(torch.randn(hidden))
        self.scale = nn.Parameter(torch.tensor(0.7))

    def project(self, x: Tensor) -> Tensor:
        y: Tensor = self.proj(x)
        return y

    def step(self, p, state, ctx):
        gate, new = (p + self.turn(state["h"])).chunk(2, dim=-1)
        gate = torch.sigmoid(gate + self.peep * state["c"])
        c = gate * state["c"] + (1 - gate) * torch.tanh(new)
        h = self.scale * torch.tanh(self.norm(c))
        return h + c, {"h": h, "c": c}


def run(cell: Cell, lengths: list[int], ctx: Context = Context(), *, traced: bool = True):  # noqa: B008
    """y, last state, and gradients by p, by the first state and by every parameter."""
    generator = torch.Generator().manual_seed(1)
    dtype = next(cell.parameters()).dtype
    n, steps = torch.tensor(lengths), max(lengths)
    x = torch.randn(len(lengths), steps, cell.d_in, generator=generator, dtype=dtype)
    state = {k: torch.randn(len(lengths), *s.shape, generator=generator, dtype=dtype) for k, s in cell.state.items()}
    for value in (x, *state.values()):
        value.requires_grad_()
    y, after = run_steps(cell, cell.project(x), state, valid_steps(n, steps), ctx, traced=traced)
    y = zero_padding(y, n)
    loss = y.square().sum() + sum(value.sin().sum() for value in after.values())
    return [y, *after.values(), *torch.autograd.grad(loss, [x, *state.values(), *cell.parameters()])]


@pytest.fixture
def fresh(monkeypatch):
    """Blocks of three steps, which compile sooner, and nothing remembered of other tests."""
    monkeypatch.setattr(compiled, "STEPS", 3)
    monkeypatch.setattr(compiled, "_shared", {})
    compiled._warn.cache_clear()


@pytest.mark.heavy
def test_compiled_blocks_are_the_plain_loop(fresh):
    torch.manual_seed(0)
    cell, twin, said = Toy(3).double(), Toy(3).double(), []
    if blocks.obstacle():
        with compiling(said.append):
            run(cell, [9, 9])
        assert said == []
        assert compiled._shared[next(iter(compiled._shared))] is None
        return
    for lengths in ([9, 9], [10, 10], [11, 11], [31, 31]):  # T a multiple of the block, and not
        want = run(cell, lengths, traced=False)
        with compiling(said.append):
            got = run(cell, lengths)
        for a, b in zip(got, want, strict=True):
            torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-9)
    assert len(said) == 1, "a length asked for another compilation"
    ragged = [11, 4, 0, 9]  # another kind of step, and a larger batch
    want = run(cell, ragged, traced=False)
    with compiling(said.append):
        got = run(cell, ragged)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-9)
    assert len(said) == 2
    with compiling(said.append):
        run(twin, [12, 12])  # an equal layer shares
        run(cell, [12])  # a smaller batch runs the traced program
        with torch.no_grad():
            y = infer(cell)
    assert len(said) == 2
    want = infer(cell)
    torch.testing.assert_close(y, want.detach(), atol=1e-10, rtol=1e-9)
    loops = [loop for loop in compiled._shared.values() if loop is not None]
    assert len(loops) == 2
    assert all(loop.blocks is not None for loop in loops)


@pytest.mark.heavy
@pytest.mark.skipif(bool(blocks.obstacle()), reason="nothing can be compiled here")
def test_threads_that_share_the_rows_are_the_plain_loop(fresh, monkeypatch):
    monkeypatch.setattr(rows, "FEWEST_MULTIPLY_ADDS", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        if rows._team() is None:
            pytest.skip("torch has no team of threads here")
        torch.manual_seed(0)
        cell, lengths = Toy(3).double(), [10, 3, 0, 10, 7, 10, 1, 9]
        ctx = Context(reset=torch.rand(8, 10, generator=torch.Generator().manual_seed(2)) < 0.2)
        want = run(cell, lengths, ctx, traced=False)
        with compiling(lambda _: None):
            got = run(cell, lengths, ctx)
            again = run(cell, lengths, ctx)
            with torch.no_grad():
                y = infer(cell, rows=8)
            with torch.inference_mode():
                inferred = infer(cell, rows=8)
    finally:
        torch.set_num_threads(before)
    assert {loop.parts for loop in compiled._shared.values() if loop is not None} == {2}
    for a, b, c in zip(got, want, again, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-9)
        assert torch.equal(a, c), "two runs differ"
    for each in (y, inferred):
        torch.testing.assert_close(each, infer(cell, rows=8).detach(), atol=1e-10, rtol=1e-9)


@pytest.mark.heavy
@pytest.mark.skipif(bool(blocks.obstacle()), reason="nothing can be compiled here")
def test_rows_that_meet_in_a_step_are_not_shared(fresh, monkeypatch):
    class Centred(Toy):
        def step(self, p, state, ctx):
            y, new = super().step(p, state, ctx)
            return y, {**new, "h": new["h"] - new["h"].mean(0)}

    monkeypatch.setattr(rows, "FEWEST_MULTIPLY_ADDS", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.manual_seed(0)
        cell = Centred(3).double()
        want = run(cell, [10] * 8, traced=False)
        with compiling(lambda _: None):
            got = run(cell, [10] * 8)
    finally:
        torch.set_num_threads(before)
    assert {loop.parts for loop in compiled._shared.values() if loop is not None} == {1}
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-9)


def infer(cell: Cell, rows: int = 2) -> Tensor:
    """The outputs of some rows of ten steps, in float64."""
    state = {name: slot.tensor(rows).double() for name, slot in cell.state.items()}
    x, valid = torch.ones(rows, 10, 3).double(), torch.ones(rows, 10, dtype=torch.bool)
    return run_steps(cell, cell.project(x), state, valid, Context())[0]


@pytest.mark.parametrize("how", ["no compiler", "a compiler that fails"])
def test_what_cannot_be_compiled_runs_and_says_so_once(fresh, monkeypatch, caplog, how):
    cell, other, said = Toy(3).double(), Toy(4).double(), []

    def fail(*_: object) -> None:
        raise RuntimeError("the compiler gave up\nwith much to say")

    if how == "no compiler":
        monkeypatch.setattr(compiled, "obstacle", lambda: "no C++ compiler is installed")
    else:
        monkeypatch.setattr(compiled, "obstacle", str)
        monkeypatch.setattr(compiled, "Blocks", fail)
    with caplog.at_level(logging.WARNING, logger="seqhub.nn"), compiling(said.append):
        got, *_ = [run(one, [10, 10]) for one in (cell, cell, other)]
    for a, b in zip(got, run(cell, [10, 10], traced=False), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-9)
    assert len(caplog.messages) == 1
    assert ("no C++ compiler" if how == "no compiler" else "gave up") in caplog.text
    assert "much to say" not in caplog.text


def test_nothing_is_compiled_unasked_nor_for_short_or_untrained_loops(fresh, monkeypatch):
    monkeypatch.setattr(compiled, "obstacle", str)
    monkeypatch.setattr(compiled, "Blocks", lambda *_: pytest.fail("compiled"))
    cell, said = Toy(3), []
    run(cell, [10, 10])
    monkeypatch.setattr(compiled, "STEPS", 12)
    with compiling(said.append):
        run(cell, [10, 10])
    monkeypatch.setattr(compiled, "STEPS", 3)
    with compiling(said.append), torch.no_grad():
        infer(cell.double())
    assert said == []


def test_a_program_for_the_compiler_is_the_same_step():
    """What is worked out again backwards, and sums taken after the loop, without compiling anything."""
    from seqhub.nn.engines import loop, program, programs

    torch.manual_seed(0)
    cell = Toy(3).double()
    want = run(cell, [10, 10])
    traced = program.trace_step

    def for_compiler(step, given):
        return traced(step, given, for_compiler=True)

    programs._programs.pop(cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "trace_step", for_compiler)
        got = run(cell, [10, 10])
    kept = next(iter(programs._programs[cell].values()))
    assert isinstance(kept, loop.TracedLoop)
    assert len(kept.program.totals) == 4  # norm gain and bias, peep, scale
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-9)


def test_a_step_that_draws_numbers_is_not_compiled(fresh, monkeypatch, caplog):
    class Noisy(Toy):
        def step(self, p, state, ctx):
            y, new = super().step(p, state, ctx)
            return nn.functional.dropout(y, 0.5), new

    monkeypatch.setattr(compiled, "Blocks", lambda *_: pytest.fail("compiled"))
    with caplog.at_level(logging.WARNING, logger="seqhub.nn"), compiling(lambda _: None):
        run(Noisy(3).double(), [10, 10])
    assert caplog.messages == ["running uncompiled: TypeError: the step draws random numbers"]


def test_states_given_as_one_tensor_are_told_apart():
    """Their first values are one object, and their factors are not one factor."""

    class Two(Cell):
        def __init__(self) -> None:
            super().__init__(3, output_size=3, state={"h": Slot((3,)), "c": Slot((3,))})
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

        def step(self, p, state, ctx):
            h, c = torch.tanh(p + self.a(state["h"])), torch.tanh(p - self.b(state["c"]))
            return h * c, {"h": h, "c": c}

    torch.manual_seed(0)
    cell, x = Two().double(), torch.randn(2, 9, 3, dtype=torch.float64)
    zeros, valid = torch.zeros(2, 3, dtype=torch.float64), torch.ones(2, 9, dtype=torch.bool)
    got, want = (
        torch.autograd.grad(
            run_steps(cell, x, {"h": zeros, "c": zeros}, valid, Context(), traced=traced)[0].sum(), cell.parameters()
        )
        for traced in (True, False)
    )
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


def test_the_rational_tangent_is_tanh():
    x = torch.cat((torch.linspace(-12, 12, 200001), torch.logspace(-30, 0, 5001)))
    want = torch.tanh(x.double())
    got = rational_tanh(x)
    assert ((got - want).abs() <= 7 * torch.finfo(torch.float32).eps / 2 * want.abs()).all()
    assert got.abs().max() <= 1
    odd = rational_tanh(torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0]))
    assert odd[0].isnan()
    assert odd[1:].tolist() == [1.0, -1.0, 0.0]
    assert rational_tanh(x.double()) is NotImplemented


def test_a_compiler_is_looked_for_by_its_name(monkeypatch, tmp_path):
    monkeypatch.setattr(torch, "__file__", "/environments/plain/torch/__init__.py")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert blocks.obstacle() == "no C++ compiler is installed"
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("CXX", str(program))
    assert blocks.obstacle() == ""
    monkeypatch.setattr(torch, "__file__", "/environments/with space/torch/__init__.py")
    assert "/environments/with space/torch" in blocks.obstacle()


def test_a_recipe_says_whether_loops_are_compiled_and_auto_by_the_length_of_the_training():
    from seqhub.nn.engines.mode import compile_notice
    from seqhub.recipe.sections import TrainSection
    from seqhub.training.display import Display
    from seqhub.training.run import AUTO_BATCHES, _loops

    def compiles(asked: object, batches: int, origins: dict = {}) -> bool:  # noqa: B006
        recipe = SimpleNamespace(train=TrainSection(compile=asked), origins=origins)
        with _loops(recipe, batches, Display()):
            return compile_notice() is not None

    assert [compiles("auto", n) for n in (AUTO_BATCHES - 1, AUTO_BATCHES)] == [False, True]
    assert compiles(True, 1)
    assert not compiles(False, 10 * AUTO_BATCHES)
    assert not compiles(True, 1, {("train", "epochs"): "--smoke"})
    with compiling(print), exporting():
        assert compile_notice() is None
