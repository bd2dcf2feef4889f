"""Noise inside recurrent layers, by statistics: drawn once a sequence, right in the mean, off in evaluation."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from seqhub.api import INF, Config, EncoderSpec, Geometry, config, option
from seqhub.nn import Cell, Context, Recurrent, Regularisation, SequenceLayer, Slot, State, valid_steps
from seqhub.nn.engines import run_linear, run_steps
from seqhub.nn.regularise import zoned
from seqhub.testing.subject import Subject
from seqhub.testing.suite import CHECKS, run_check, too_few
from seqhub_cells.gru import GRUCell
from seqhub_cells.indrnn import IndRNNCell
from seqhub_cells.irnn import IRNNCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_cells.slstm import SLSTMCell


class Passes(Cell):
    """Gives its input on, and remembers it: whatever noise acts on x is seen in y."""

    def __init__(self, d_in: int) -> None:
        super().__init__(d_in, output_size=d_in, state={"x": Slot((d_in,))})

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        return p + 0 * state["x"], {"x": p.clone()}


def run(layer: SequenceLayer, x: Tensor, lengths: list[int] | None = None) -> tuple[Tensor, State]:
    y, _, state = layer(x, torch.tensor(lengths or [x.shape[1]] * len(x)), layer.initial_state(len(x)))
    return y, state


def test_input_dropout_drops_the_same_columns_at_every_step():
    torch.manual_seed(0)
    layer = Recurrent(Passes(50), regularisation=Regularisation(input_dropout=0.3)).train()
    y, _ = run(layer, torch.ones(200, 7, 50))
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert y.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert float((y[:, 0] == 0).float().mean()) == pytest.approx(0.3, abs=0.02)  # 10,000 draws: 4 sigma
    assert float(y.mean()) == pytest.approx(1.0, abs=0.03)
    assert not torch.equal(y[0], y[1])  # each row has its own


def test_recurrent_dropout_drops_the_same_weights_at_every_step():
    """With u = 1 and one input pulse, h_t is (1 / (1 - rate))^t for a kept weight and 0 for a dropped one."""
    torch.manual_seed(0)
    cell = IndRNNCell(1, hidden=5000, bias=False)
    with torch.no_grad():
        cell.u.fill_(1.0)
        cell.x_proj.weight.fill_(1.0)
    layer = Recurrent(cell, regularisation=Regularisation(recurrent_dropout=0.2)).train()
    pulse = torch.zeros(2, 6, 1)
    pulse[:, 0] = 1.0
    y, _ = run(layer, pulse)
    kept = y[0, 1] > 0
    assert float(kept.float().mean()) == pytest.approx(0.8, abs=0.025)
    powers = 1.25 ** torch.arange(6.0)
    torch.testing.assert_close(y[0][:, kept], powers[:, None].expand(6, int(kept.sum())))
    assert not bool(y[0, 1:, ~kept].any())
    assert float(y[0, 1].detach().mean()) == pytest.approx(1.0, abs=0.03)  # right in the mean, over one step
    run(layer, pulse)[0].sum().backward()
    assert torch.equal(cell.u, torch.ones(5000))  # the weights themselves are untouched
    assert cell.u.grad is not None


@pytest.mark.parametrize("native", [True, False])
def test_recurrent_dropout_reaches_fused_kernels_too(native):
    cell = LSTMCell(4, hidden=6)
    layer = Recurrent(cell, native=native, regularisation=Regularisation(recurrent_dropout=0.5)).train()
    x = torch.randn(3, 8, 4)
    torch.manual_seed(1)
    y, _ = run(layer, x, [8, 5, 2])
    torch.manual_seed(1)
    dropped = copy.deepcopy(cell)
    with torch.no_grad():
        dropped.h_proj.weight.copy_(torch.dropout(cell.h_proj.weight, 0.5, True))
    want, _ = run(Recurrent(dropped, native=native), x, [8, 5, 2])
    torch.testing.assert_close(y, want, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rates", [{"input_dropout": 0.4}, {"recurrent_dropout": 0.4}])
def test_dropout_is_off_in_evaluation(rates):
    cell = GRUCell(4, hidden=6)
    x = torch.randn(3, 8, 4)
    plain, _ = run(Recurrent(cell).eval(), x)
    noisy = Recurrent(cell, regularisation=Regularisation(**rates))
    assert torch.equal(run(noisy.eval(), x)[0], plain)
    assert not torch.allclose(run(noisy.train(), x)[0], plain)


class Counts(Cell):
    """h' = h + 1: how often a unit moved is what its state says. Output: h."""

    def __init__(self, hidden: int) -> None:
        super().__init__(1, output_size=hidden, state={"h": Slot((hidden,))})

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"] + 1.0 + 0.0 * p
        return h, {"h": h}


def test_zoneout_keeps_units_step_by_step():
    """Whether a unit moves at a step is a coin of its own: the moves of T steps are binomial."""
    torch.manual_seed(0)
    layer = Recurrent(Counts(400), regularisation=Regularisation(zoneout=0.25)).train()
    y, state = run(layer, torch.zeros(50, 12, 1))
    moved = torch.diff(y, dim=1, prepend=torch.zeros_like(y[:, :1]))
    assert set(moved.unique().tolist()) == {0.0, 1.0}
    assert moved.mean(dim=(0, 2)).tolist() == [pytest.approx(0.75, abs=0.013)] * 12  # 20,000 coins a step: 4 sigma
    assert float(state["h"].mean()) == pytest.approx(9.0, abs=0.05)
    assert float(state["h"].var()) == pytest.approx(12 * 0.25 * 0.75, rel=0.05)
    torch.testing.assert_close(y[:, -1], state["h"])  # the output is the state after zoneout


def test_zoneout_takes_its_mean_in_evaluation():
    cell = Counts(3)
    layer = Recurrent(cell, regularisation=Regularisation(zoneout=0.25)).eval()
    y, state = run(layer, torch.zeros(1, 4, 1))
    torch.testing.assert_close(y[0, :, 0], torch.tensor([0.75, 1.5, 2.25, 3.0]))
    torch.testing.assert_close(state["h"], torch.full((1, 3), 3.0))


def test_zoneout_is_unbiased_where_the_recurrence_is_linear():
    torch.manual_seed(0)
    cell = MinGRUCell(2, hidden=3)
    layer = Recurrent(cell, regularisation=Regularisation(zoneout=0.4))
    x = torch.randn(1, 6, 2)
    want, _ = run(layer.eval(), x)
    got, _ = run(layer.train(), x.expand(20_000, -1, -1))
    torch.testing.assert_close(got.mean(0), want[0], atol=0.02, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_zoneout_of_a_linear_cell_stays_parallel(training):
    cell = zoned(MinGRUCell(4, hidden=5).train(training), 0.3)
    x, state = torch.randn(3, 9, 4), {"h": torch.randn(3, 5)}
    valid = valid_steps(torch.tensor([9, 4, 0]), 9)
    p = cell.project(x)
    y, after = run_linear(cell, p, state, valid, Context())
    want, want_after = run_steps(cell, p, state, valid, Context())
    torch.testing.assert_close(y[valid], want[valid])
    torch.testing.assert_close(after["h"], want_after["h"])


def test_zoneout_leaves_slots_alone_that_share_a_scale():
    """sLSTM's c, n and m belong to one step; only h is zoned."""
    torch.manual_seed(0)
    cell = SLSTMCell(3, hidden=4)
    layer = Recurrent(cell, regularisation=Regularisation(zoneout=0.5)).train()
    state = {"h": torch.randn(1, 4), "c": torch.rand(1, 4), "n": torch.ones(1, 4), "m": torch.zeros(1, 4)}
    x = torch.randn(1, 1, 3)
    _, _, after = layer(x, torch.tensor([1]), state)
    _, _, plain = Recurrent(cell)(x, torch.tensor([1]), state)
    for name in ("c", "n", "m"):
        torch.testing.assert_close(after[name], plain[name])
    stayed = after["h"] == state["h"]
    torch.testing.assert_close(after["h"], torch.where(stayed, state["h"], plain["h"]))


def test_both_directions_have_noise_of_their_own():
    torch.manual_seed(0)
    rates = Regularisation(input_dropout=0.5)
    layer = Recurrent(Passes(64), direction="bidirectional", backward_cell=Passes(64), regularisation=rates).train()
    y, _ = run(layer, torch.ones(1, 3, 64))
    assert not torch.equal(y[..., :64], y[..., 64:])


def test_names_of_parameters_do_not_change():
    rates = Regularisation(input_dropout=0.1, recurrent_dropout=0.1, zoneout=0.1)
    plain, noisy = Recurrent(GRUCell(3, hidden=4)), Recurrent(GRUCell(3, hidden=4), regularisation=rates)
    assert plain.state_dict().keys() == noisy.state_dict().keys()
    noisy.load_state_dict(plain.state_dict())
    twin = copy.deepcopy(noisy).train()
    run(twin, torch.randn(2, 5, 3))[0].sum().backward()
    assert all(parameter.grad is not None for parameter in twin.parameters())
    assert all(parameter.grad is None for parameter in noisy.parameters())


@pytest.mark.parametrize("rates", [{"input_dropout": 1.0}, {"recurrent_dropout": -0.1}, {"zoneout": 2.0}])
def test_rates_are_shares(rates):
    (name, value), *_ = rates.items()
    with pytest.raises(ValueError, match=rf"{name} is {value}, expected 0 <= rate < 1"):
        Regularisation(**rates)


def test_a_cell_without_recurrent_weights_says_so():
    with pytest.raises(ValueError, match=r"recurrent_dropout is 0\.1, but MinGRUCell has no recurrent weights"):
        Recurrent(MinGRUCell(3, hidden=4), regularisation=Regularisation(recurrent_dropout=0.1))


def test_state_stays_in_float32_under_autocast_over_whole_rows():
    cell = IRNNCell(3, hidden=4)
    layer = Recurrent(cell, native=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, state = run(layer, torch.randn(2, 5, 3))
    assert state["h"].dtype == torch.float32


@config
class ZonedConfig(Config):
    kind: str = option("gru", help="which cell")

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=5, past=INF)


def ZonedLayer(d_in: int, *, kind: str) -> Recurrent:
    """A regularised layer as a component, so that the whole suite can look at it."""
    cell = {"gru": GRUCell, "min-gru": MinGRUCell}[kind](d_in, hidden=5)
    return Recurrent(cell, regularisation=Regularisation(input_dropout=0.2, zoneout=0.3))


@pytest.mark.parametrize("kind", ["gru", "min-gru"])
def test_a_regularised_layer_keeps_the_contract(kind):
    """Chunks, padding, gradients and both graphs in evaluation, zoneout's mean included."""
    flags = {"onnx": True, "streaming": True, "double": True, "bfloat16": True}
    spec = EncoderSpec(name="zoned", target=f"{__name__}:ZonedLayer", config=ZonedConfig, summary="", flags=flags)
    subject = Subject(spec, "test/zoned", {"kind": kind})
    outcomes = [run_check(check, subject) for check in CHECKS if check.__name__ != "check_options"]
    assert [str(outcome) for outcome in outcomes if outcome.result == "failed"] == []
    assert not too_few(outcomes)
