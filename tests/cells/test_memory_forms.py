"""Every memory cell over several chunks: its chunk form is its own step; and the arguments it refuses."""

from __future__ import annotations

import pytest
import torch

from seqhub.nn import Context, Recurrent
from seqhub.nn.engines import run_memory, run_steps
from seqhub.nn.padding import valid_steps, zero_padding
from seqhub.plugins import load_registry
from seqhub_cells.clock import Clock
from seqhub_cells.retnet import RetNetCell
from seqhub_cells.token_shift import TokenShift
from tests.cells.memory_cells import shaken
from tests.cells.test_memory_init import CELLS

D = 6
SPECS = {name: load_registry().resolve(f"seqhub-cells/{name}").spec for name in CELLS}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("resets", [False, True])
def test_chunks_are_the_cells_own_steps(name, resets):
    """Outputs, states and gradients by every parameter, in float64, over ragged rows of more than two chunks."""
    torch.manual_seed(0)
    cell = shaken(CELLS[name](D, hidden=8, heads=2))
    for parameter in cell.parameters():
        parameter.requires_grad_()
    lengths = torch.tensor([45, 18, 0])
    make = torch.Generator().manual_seed(1)
    x = torch.randn(3, 45, D, generator=make, dtype=torch.float64)
    reset = torch.rand(3, 45, generator=make) < 0.1 if resets else None
    layer = Recurrent(cell)
    state = layer.initial_state(3)
    if cell.inlet is not None:
        inlet = {key.removeprefix("inlet."): state.pop(key) for key in list(state) if key.startswith("inlet.")}
        x, _, _ = cell.inlet(x, lengths, inlet, None, Context(reset=reset))
    x, valid = zero_padding(x, lengths), valid_steps(lengths, 45)
    state = {key: torch.rand(value.shape, generator=make, dtype=value.dtype) for key, value in state.items()}
    found = []
    for engine in (run_memory, run_steps):
        given = reset & valid if reset is not None else None
        y, after = engine(cell, cell.project(x), state, valid, Context(reset=given))
        y = zero_padding(cell.readout(y, x), lengths)
        loss = y.square().sum() + sum(value.sin().sum() for value in after.values())
        grads = torch.autograd.grad(loss, [p for n, p in cell.named_parameters() if not n.startswith("inlet.")])
        found.append([y, *after.values(), *grads])
    for got, want in zip(*found, strict=True):
        torch.testing.assert_close(got, want, atol=1e-10, rtol=1e-9)


@pytest.mark.parametrize("name", CELLS)
def test_bad_arguments(name):
    make = CELLS[name]
    with pytest.raises(ValueError, match="hidden is 0, expected 1 or more"):
        make(D, hidden=0)
    with pytest.raises(ValueError, match="heads is 0, expected 1 or more"):
        make(D, hidden=8, heads=0)
    with pytest.raises(ValueError, match="heads is 3, which does not divide"):
        make(D, hidden=8, heads=3)
    options = SPECS[name].config.__dataclass_fields__
    for option in options.keys() & {"key_dim", "value_dim", "rank", "conv", "state", "expand"}:
        with pytest.raises(ValueError, match=f"{option} is 0, expected 1 or more"):
            make(D, hidden=8, heads=2, **{option: 0})


@pytest.mark.parametrize("name", CELLS)
def test_heads_that_do_not_divide_are_found_before_building(name):
    config = SPECS[name].config(hidden=8, heads=3)
    ((field, message, fix),) = config.problems(D)
    assert field == "heads"
    assert message.startswith("3 heads do not divide")
    assert "divisor" in fix
    assert SPECS[name].config(hidden=8, heads=2).problems(D) == []
    assert SPECS[name].config(hidden=8).geometry(D).width == 8


def test_odd_keys_do_not_turn():
    config = SPECS["retnet"].config
    assert config(hidden=6, heads=2).problems(D)[0][0] == "heads"
    assert config(hidden=6, heads=2, key_dim=3).problems(D)[0][0] == "key_dim"
    assert config(hidden=6, heads=2, key_dim=4).problems(D) == []
    with pytest.raises(ValueError, match="key_dim is 3, expected an even number"):
        RetNetCell(D, hidden=6, heads=2)


def test_hgrn2_bound_is_a_share():
    for bound in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"lower_bound is .* expected at least 0 and below 1"):
            CELLS["hgrn2"](D, hidden=8, lower_bound=bound)


def test_the_clock_counts_rows_and_resets():
    clock = Clock(1)
    x, lengths = torch.zeros(3, 5, 1), torch.tensor([5, 2, 0])
    reset = torch.zeros(3, 5, dtype=torch.bool)
    reset[0, 3] = reset[1, 4] = True  # the second one stands in padding
    y, _, state = clock(x, lengths, {"n": torch.tensor([[10], [20], [30]])}, None, Context(reset=reset))
    assert y[..., 1].tolist() == [[10, 11, 12, 0, 1], [20, 21, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert state["n"].tolist() == [[2], [22], [30]]


def test_retnet_keeps_its_phase_in_a_long_stream():
    """Started a million steps in, a fresh memory reads as it does from step 0: only differences of steps matter."""
    torch.manual_seed(0)
    layer = Recurrent(RetNetCell(D, hidden=8, heads=2))
    x, lengths = torch.randn(2, 20, D), torch.tensor([20, 20])
    want, _, _ = layer(x, lengths, layer.initial_state(2))
    late = {**layer.initial_state(2), "inlet.n": torch.full((2, 1), 1_000_000)}
    torch.testing.assert_close(layer(x, lengths, late)[0], want, atol=1e-5, rtol=1e-4)


def test_token_shift_stops_at_a_reset():
    shift = TokenShift(1)
    x, lengths = torch.arange(1.0, 6.0).view(1, 5, 1), torch.tensor([5])
    reset = torch.tensor([[False, False, True, False, False]])
    y, _, state = shift(x, lengths, {"x": torch.full((1, 1, 1), 9.0)}, None, Context(reset=reset))
    assert y[0, :, 1].tolist() == [9, 1, 0, 3, 4]
    assert state["x"].item() == 5
