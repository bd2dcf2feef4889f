"""The traced loop against the cell called at every step: outputs, states, gradients, and when it is used at all."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import pytest
import torch
from torch import nn

from seqhub.nn import Cell, Context, Recurrent, Slot, valid_steps, zero_padding
from seqhub.nn.engines import programs
from seqhub.nn.engines.sequential import run_steps
from seqhub.plugins import load_registry
from seqhub.testing.subject import Subject, random_state
from seqhub.testing.suite import subjects
from tests.nn.streams import ragged

STEP_CELLS = [
    subject
    for component in load_registry().components("cell")
    if component.dist == "seqhub-cells"
    for subject in subjects(component)
    if subject.cell().kind == "step"
]


def run(cell: Cell, *, traced: bool, lengths: list[int], ctx: Context = Context()):  # noqa: B008
    """y, final state, and gradients by x, by the first state and by every parameter, in float64."""
    layer = Recurrent(cell).double()
    x, n = ragged(lengths, cell.d_in)
    x = zero_padding(x.double(), n).requires_grad_()
    state = random_state(layer, len(lengths), dtype=torch.float64)
    inner = {name: value.requires_grad_() for name, value in state.items() if name in cell.state}
    given = x if cell.inlet is None else cell.inlet(x, n, cell.inlet.initial_state(len(x)))[0]
    y, after = run_steps(cell, cell.project(given), inner, valid_steps(n, x.shape[1]), ctx, traced=traced)
    y = zero_padding(y, n)
    loss = y.square().sum() + sum(value.sin().sum() for value in after.values())
    wanted = [x, *inner.values(), *cell.parameters()]
    return y, after, torch.autograd.grad(loss, wanted, allow_unused=True)


@pytest.mark.parametrize("lengths", [[11, 11, 11], [11, 4, 0, 9]], ids=["full", "ragged"])
@pytest.mark.parametrize("subject", STEP_CELLS, ids=lambda subject: subject.name)
def test_every_step_cell_is_traced_and_gives_the_same(subject: Subject, lengths: list[int]):
    cell = subject.cell().double()
    y, after, grads = run(cell, traced=True, lengths=lengths)
    assert all(program is not None for program in programs._programs[cell].values()), "the step was not traced"
    want, want_after, wants = run(cell, traced=False, lengths=lengths)
    torch.testing.assert_close(y, want, atol=1e-10, rtol=1e-8)
    for name, value in want_after.items():
        torch.testing.assert_close(after[name], value, atol=1e-10, rtol=1e-8)
    for got, expected in zip(grads, wants, strict=True):
        if expected is None:
            assert got is None or not got.any()
        else:
            torch.testing.assert_close(got, expected, atol=1e-8, rtol=1e-6)


def test_resets_and_elapsed_time_are_traced_too():
    cell = load_registry().resolve("cfc")
    cell = subjects(cell)[0].cell().double()
    reset = torch.zeros(2, 12, dtype=torch.bool)
    reset[0, 5] = reset[1, 2] = True
    ctx = Context(reset=reset, dt=torch.rand(2, 12, dtype=torch.float64))
    got, want = (run(cell, traced=traced, lengths=[12, 12], ctx=ctx) for traced in (True, False))
    assert any(program is not None for program in programs._programs[cell].values())
    torch.testing.assert_close(got[0], want[0], atol=1e-10, rtol=1e-8)
    for a, b in zip(got[2], want[2], strict=True):
        if b is not None:
            torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)


class Branching(Cell):
    """Branches on data, against the contract: tracing must give up, and not take one branch for ever."""

    def __init__(self, d_in: int) -> None:
        super().__init__(d_in, output_size=d_in, state={"h": Slot((d_in,))})
        self.gain = nn.Parameter(torch.ones(d_in))

    def step(self, p, state, ctx):
        h = state["h"] + self.gain * p if bool(p.sum() > 0) else state["h"] - self.gain * p
        return h, {"h": h}


class Constant(Cell):
    """Makes tensors inside its step."""

    def __init__(self, d_in: int) -> None:
        super().__init__(d_in, output_size=d_in, state={"h": Slot((d_in,))})
        self.gain = nn.Parameter(torch.ones(d_in))

    def step(self, p, state, ctx):
        h = torch.tanh(state["h"] + self.gain * p) * torch.tensor([0.5, 1.0, 2.0, 1.5], dtype=p.dtype)
        return h + torch.ones_like(h), {"h": h}


@pytest.mark.parametrize("cls", [Branching, Constant])
def test_steps_that_cannot_be_traced_run_as_they_are(cls):
    cell = cls(4).double()
    got, want = (run(cell, traced=traced, lengths=[9, 9]) for traced in (True, False))
    torch.testing.assert_close(got[0], want[0])
    for a, b in zip(got[2], want[2], strict=True):
        torch.testing.assert_close(a, b)


def test_a_program_serves_every_length_and_follows_the_weights():
    cell = subjects(load_registry().resolve("mgu"))[0].cell()
    layer = Recurrent(cell)
    for steps in (9, 20, 33):
        x = torch.randn(3, steps, cell.d_in)
        layer(x, torch.full((3,), steps), layer.initial_state(3))
    assert len(programs._programs[cell]) == 1
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.mul_(0.5)
    y, _ = layer(x, torch.full((3,), 33), layer.initial_state(3))[::2]
    with torch.no_grad():
        want, _ = layer(x, torch.full((3,), 33), layer.initial_state(3))[::2]
    torch.testing.assert_close(y, want, atol=1e-6, rtol=1e-5)


def test_a_graph_that_is_retained_can_be_walked_again_and_a_dropped_one_leaves_nothing():
    cell = subjects(load_registry().resolve("lstm"))[0].cell()
    layer = Recurrent(cell, native=False)
    x = torch.randn(3, 12, cell.d_in)

    def call():
        return layer(x, torch.full((3,), 12), layer.initial_state(3))

    y, _, after = call()
    weights = list(cell.parameters())
    first, again = (torch.autograd.grad(y.square().sum(), weights, retain_graph=True) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b)
    alive = weakref.ref(after["c"].grad_fn)
    gc.disable()  # a cycle would keep some megabytes a training step until the collector comes
    try:
        del y, after
        assert alive() is None
    finally:
        gc.enable()


def test_inference_runs_the_program_without_what_a_gradient_needs():
    cell = subjects(load_registry().resolve("layernorm-gru"))[0].cell()
    layer = Recurrent(cell)
    x, lengths = ragged([30, 12], cell.d_in)
    with torch.no_grad():
        y, _, after = layer(x, lengths, layer.initial_state(2))
    assert [program is not None for program in programs._programs[cell].values()] == [True]
    want, _, want_after = layer(x, lengths, layer.initial_state(2))
    torch.testing.assert_close(y, want.detach())
    torch.testing.assert_close(after["h"], want_after["h"].detach())


def test_no_program_for_a_few_steps():
    cell = subjects(load_registry().resolve("mgu"))[0].cell()
    layer = Recurrent(cell)
    layer(torch.randn(2, 3, cell.d_in), torch.full((2,), 3), layer.initial_state(2))
    assert cell not in programs._programs


def test_a_small_step_runs_on_one_thread_and_what_comes_after_the_loop_on_all():
    cell = subjects(load_registry().resolve("lstm"))[0].cell().double()
    run(cell, traced=True, lengths=[11, 11, 11])
    kept, seen = programs._programs[cell], {}
    (key,) = kept

    def noting(name):
        function = getattr(kept[key].program, name)

        def call(*given):
            seen[name] = torch.get_num_threads()
            return function(*given)

        return call

    program = dataclasses.replace(kept[key].program, backward=noting("backward"), finish=noting("finish"))
    kept[key] = dataclasses.replace(kept[key], program=program)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(cell, traced=True, lengths=[11, 11, 11])
    finally:
        torch.set_num_threads(before)
    assert seen == {"backward": 1, "finish": 2}
