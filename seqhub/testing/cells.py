"""Checks of a cell: that every form the framework derives from it is the same cell."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from seqhub.nn import Cell, Context, LinearCell, Recurrent, State, zero_padding
from seqhub.nn.engines import run_cell, run_linear, run_steps
from seqhub.nn.padding import valid_steps
from seqhub.testing.subject import (
    CheckFailed,
    NotApplicable,
    Subject,
    random_batch,
    random_state,
    run_whole,
    same,
    same_state,
)

LENGTHS = [11, 6, 0, 1]


def check_native_equals_step(subject: Subject) -> None:
    """The fused kernel gives the outputs, states and gradients of the cell's own step, over ragged rows."""
    cell = subject.cell()
    promised = subject.spec.flags.get("native")
    if cell.native() is None:
        raise NotApplicable("native() gives no fused form with these options")
    if promised is False:
        raise CheckFailed("native() gives a fused form, but flag native is False")
    fused, stepped = Recurrent(cell, native=True), Recurrent(cell, native=False)
    x, lengths = random_batch(subject, LENGTHS)
    state = random_state(fused, len(LENGTHS))
    y, _, after = run_whole(fused, x, lengths, state)
    want, _, want_after = run_whole(stepped, x, lengths, state)
    same(y, want, "fused outputs")
    same_state(after, want_after, "fused")
    parameters = dict(cell.named_parameters())
    grads = torch.autograd.grad(y.square().sum(), list(parameters.values()))
    wants = torch.autograd.grad(want.square().sum(), list(parameters.values()))
    for name, got, expected in zip(parameters, grads, wants, strict=True):
        same(got, expected, f"fused gradient of '{name}'", 1e-4)


def check_parallel_equals_sequential(subject: Subject) -> None:
    """A linear cell's scan gives the outputs, states and gradients of its derived step."""
    cell = subject.cell()
    if cell.kind != "linear":
        raise NotApplicable(f"a {cell.kind} cell")
    x, lengths = random_batch(subject, LENGTHS)
    valid = valid_steps(lengths, x.shape[1])
    state = _own_state(cell, len(LENGTHS))

    def run(parallel: bool) -> tuple[Tensor, State, tuple[Tensor, ...]]:
        inner = _after_inlet(cell, zero_padding(x, lengths), lengths)
        p = cell.project(inner)
        linear = cast(LinearCell, cell)
        y, after = (run_linear if parallel else run_steps)(linear, p, state, valid, Context())
        y = zero_padding(cell.readout(y, inner), lengths)
        return y, after, torch.autograd.grad(y.square().sum(), list(cell.parameters()))

    y, after, grads = run(True)
    want, want_after, wants = run(False)
    same(y, want, "scanned outputs")
    same_state(after, want_after, "scanned")
    for got, expected in zip(grads, wants, strict=True):
        same(got, expected, "a gradient of the scan", 1e-4)


def check_bidirectional(subject: Subject) -> None:
    """Both ways over a ragged batch equals each row alone, forward and turned round, final states included."""
    if subject.spec.flags.get("bidirectional") is False:
        raise NotApplicable("flag bidirectional is False")
    forward, backward = subject.cell(0), subject.cell(1)
    both = Recurrent(forward, direction="bidirectional", backward_cell=backward)
    x, lengths = random_batch(subject, LENGTHS)
    y, _, after = run_whole(both, x, lengths)
    for row, n in enumerate(lengths.tolist()):
        if n == 0:
            continue
        alone = x[row : row + 1, :n]
        whole = torch.tensor([n])
        f, f_state = run_cell(forward, alone, whole, Recurrent(forward).initial_state(1), Context())
        b, b_state = run_cell(backward, alone.flip(1), whole, Recurrent(backward).initial_state(1), Context())
        same(y[row, :n], torch.cat((f, b.flip(1)), dim=-1)[0], f"row {row} both ways")
        want = {**{f"forward.{k}": v for k, v in f_state.items()}, **{f"backward.{k}": v for k, v in b_state.items()}}
        same_state({k: v[row : row + 1] for k, v in after.items()}, want, f"row {row} both ways")


def check_reset(subject: Subject) -> None:
    """A reset at a step is a fresh start there: outputs and final state equal those of the rest alone."""
    cell = subject.cell()
    layer = Recurrent(cell)
    x, lengths = random_batch(subject, [9, 9])
    reset = torch.zeros(2, 9, dtype=torch.bool)
    reset[0, 4] = True
    y, _, after = layer(x, lengths, random_state(layer, 2), None, Context(reset=reset))
    rest, _, rest_state = run_whole(layer, x[:1, 4:], torch.tensor([5]))
    same(y[:1, 4:], rest, "after the reset")
    same_state({k: v[:1] for k, v in after.items()}, rest_state, "after the reset")


def check_step_is_pure(subject: Subject) -> None:
    """`step` returns new tensors: no slot of the new state, and no output, is one of its inputs or changed in place."""
    cell = subject.cell()
    x, lengths = random_batch(subject, [1, 1])
    state = _own_state(cell, 2)
    before = {name: value.clone() for name, value in state.items()}
    inner = _after_inlet(cell, x, lengths)
    p = torch.utils._pytree.tree_map(lambda t: t[:, 0], cell.project(inner))
    y, new = cell.step(p, state, Context())
    read = cell.readout(y[:, None], inner)
    if read.shape != (2, 1, cell.output_size):
        shapes = f"{tuple(y.shape)}, read out as {tuple(read.shape)}"
        raise CheckFailed(f"step gives y {shapes}: not {cell.output_size} wide")
    if new.keys() != state.keys():
        raise CheckFailed(f"step gives state {sorted(new)}, declared {sorted(state)}")
    for name, value in state.items():
        if not torch.equal(value, before[name]):
            raise CheckFailed(f"step changes state '{name}' in place")
        if new[name].data_ptr() == value.data_ptr():
            raise CheckFailed(f"step returns its input as state '{name}'")


def _own_state(cell: Cell, batch: int) -> State:
    """A random state of the cell itself, without its inlet's."""
    state = random_state(Recurrent(cell), batch)
    return {name: state[name] for name in cell.state}


def _after_inlet(cell: Cell, x: Tensor, lengths: Tensor) -> Tensor:
    """What `project` and `readout` get: x, or what the inlet makes of it."""
    if cell.inlet is None:
        return x
    y: Tensor = cell.inlet(x, lengths, cell.inlet.initial_state(len(x)))[0]
    return y
