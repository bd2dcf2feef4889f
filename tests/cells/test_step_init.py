"""How each step cell starts, as its docstring promises; and what it refuses to be built with."""

from __future__ import annotations

import pytest
import torch

from seqhub.nn import Recurrent
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
from seqhub_cells.specs_step import ConvLSTMConfig, LiGRUConfig, SLSTMConfig
from seqhub_cells.ugrnn import UGRNNCell


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def orthogonal(block):
    return torch.allclose(block @ block.T, torch.eye(len(block)), atol=1e-5)


@pytest.mark.parametrize(
    ("cell", "gates", "forget"),
    [
        (PeepholeLSTMCell(5, hidden=7), 4, 1),
        (ProjectedLSTMCell(5, hidden=7, projection=7), 4, 1),
        (CoupledLSTMCell(5, hidden=7), 3, 0),
        (UGRNNCell(5, hidden=7), 2, 0),
    ],
)
def test_gates_are_orthogonal_and_remember(cell, gates, forget):
    assert all(orthogonal(block) for block in cell.h_proj.weight.detach().chunk(gates))
    for gate, bias in enumerate(cell.x_proj.bias.detach().chunk(gates)):
        assert torch.equal(bias, torch.full((7,), 1.0 if gate == forget else 0.0))


def test_a_new_peephole_lstm_has_closed_peepholes():
    assert not PeepholeLSTMCell(5, hidden=7).peephole.any()


@pytest.mark.parametrize("cell", [LayerNormGRUCell(5, hidden=7), LiGRUCell(5, hidden=7)])
def test_normalised_grus_are_orthogonal(cell):
    assert all(orthogonal(block) for block in cell.h_proj.weight.detach().chunk(len(cell.h_proj.weight) // 7))


def test_mgu_is_orthogonal():
    cell = MGUCell(5, hidden=7)
    assert orthogonal(cell.h_gate.weight.detach())
    assert orthogonal(cell.h_cand.weight.detach())
    assert not cell.x_proj.bias.any()


def test_irnn_starts_as_the_scaled_identity():
    cell = IRNNCell(200, hidden=100, scale=0.5)
    assert torch.equal(cell.h_proj.weight.detach(), 0.5 * torch.eye(100))
    assert float(cell.x_proj.weight.detach().std()) == pytest.approx(0.001, rel=0.02)
    assert not cell.x_proj.bias.any()


def test_a_new_irnn_holds_what_it_has():
    layer = Recurrent(IRNNCell(3, hidden=6))
    h = torch.rand(2, 6)
    y, _, _ = layer(torch.zeros(2, 50, 3), torch.tensor([50, 50]), {"h": h})
    torch.testing.assert_close(y[:, -1], h)


@pytest.mark.parametrize(("steps", "limit"), [(None, 1.0), (10, 2 ** (1 / 10))])
def test_indrnn_weights_are_uniform_up_to_their_limit(steps, limit):
    u = IndRNNCell(3, hidden=20_000, steps=steps).u.detach()
    assert 0 <= float(u.min()) < float(u.max()) <= limit
    assert float(u.mean()) == pytest.approx(limit / 2, rel=0.02)
    assert float(u.var()) == pytest.approx(limit**2 / 12, rel=0.03)


@pytest.mark.parametrize("heads", [1, 4])
def test_slstm_forgets_at_many_speeds_and_reads_no_state(heads):
    cell = SLSTMCell(5, hidden=32, heads=heads)
    assert not cell.h_proj.any()
    bias = cell.x_proj.bias.detach().reshape(heads, 4, 32 // heads)
    assert not bias[:, [0, 2, 3]].any()
    u = torch.linspace(0, 1, 32 // heads)
    torch.testing.assert_close(bias[:, 1], (5 - 12 * u**0.3).expand(heads, -1))


def test_cfc_weights_have_xaviers_bounds():
    cell = CfCCell(20, hidden=30, backbone=50, layers=2)
    for weight, fan in (
        (cell.x_proj.weight, 100),
        (cell.h_proj.weight, 100),
        (cell.deeper[0].weight, 100),
        *((rows, 80) for rows in cell.heads.weight.chunk(3)),
    ):
        assert float(weight.detach().abs().max()) == pytest.approx((6 / fan) ** 0.5, rel=0.03)
    assert not any(bias.any() for bias in (cell.x_proj.bias, cell.deeper[0].bias, cell.heads.bias))


def test_ltc_leaks_are_log_uniform_and_its_targets_uniform():
    cell = LTCCell(3, hidden=2_000)
    leak = torch.nn.functional.softplus(cell.rate.detach())
    assert 0.099 < float(leak.min()) < float(leak.max()) < 1.001
    assert float(leak.log10().mean()) == pytest.approx(-0.5, abs=0.03)
    assert float(cell.target.detach().abs().max()) <= 1.0
    assert float(cell.target.detach().var()) == pytest.approx(1 / 3, rel=0.1)


def test_conv_lstm_remembers_and_has_closed_peepholes():
    cell = ConvLSTMCell(8, hidden=3, positions=8)
    for gate, bias in enumerate(cell.x_conv.bias.detach().chunk(4)):
        assert torch.equal(bias, torch.full((3,), 1.0 if gate == 1 else 0.0))
    for block in cell.h_conv.weight.detach().chunk(4):
        assert orthogonal(block.flatten(1))
    assert not cell.peephole.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        *(
            (lambda cls=cls, rest=rest: cls(8, hidden=0, **rest), f"hidden is 0, expected {low} or more")
            for cls, rest, low in (
                (IRNNCell, {}, 1),
                (IndRNNCell, {}, 1),
                (UGRNNCell, {}, 1),
                (PeepholeLSTMCell, {}, 1),
                (ProjectedLSTMCell, {"projection": 2}, 1),
                (CoupledLSTMCell, {}, 1),
                (SLSTMCell, {}, 1),
                (LayerNormGRUCell, {}, 2),
                (MGUCell, {}, 1),
                (LiGRUCell, {}, 2),
                (CfCCell, {}, 1),
                (LTCCell, {}, 1),
                (ConvLSTMCell, {"positions": 4}, 1),
            )
        ),
        (lambda: SLSTMCell(8, hidden=6, heads=4), r"heads is 4, which does not divide hidden \(6\)"),
        (lambda: SLSTMCell(8, hidden=6, forget="hard"), "forget is 'hard', expected one of"),
        (lambda: ProjectedLSTMCell(8, hidden=6, projection=0), "projection is 0, expected 1 or more"),
        (lambda: IndRNNCell(8, hidden=6, steps=0), "steps is 0, expected 1 or more"),
        (lambda: IndRNNCell(8, hidden=6, nonlinearity="gelu"), "nonlinearity is 'gelu'"),
        (lambda: LiGRUCell(8, hidden=6, norm="batch"), "norm is 'batch', expected one of"),
        (lambda: LiGRUCell(8, hidden=1), "hidden is 1, expected 2 or more"),
        (lambda: CfCCell(8, hidden=6, layers=0), "layers is 0, expected 1 or more"),
        (lambda: LTCCell(8, hidden=6, unfolds=0), "unfolds is 0, expected 1 or more"),
        (lambda: ConvLSTMCell(8, hidden=6, positions=3), "positions is 3, which does not divide the input width"),
        (lambda: ConvLSTMCell(8, hidden=6, positions=4, kernel=2), "kernel is 2, expected an odd number"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_configs_say_what_does_not_fit_together():
    assert SLSTMConfig(hidden=6, heads=4).problems(8)[0][0] == "heads"
    assert LiGRUConfig(hidden=1).problems(8)[0][0] == "hidden"
    assert LiGRUConfig(hidden=1, norm="none").problems(8) == []
    odd = ConvLSTMConfig(hidden=2, positions=3, kernel=2)
    assert [field for field, _, _ in odd.problems(8)] == ["positions", "kernel"]
    assert ConvLSTMConfig(hidden=2, positions=4).problems(8) == []
