"""First values of the linear cells: each statistic that a docstring promises; and arguments that do not fit."""

from __future__ import annotations

import importlib
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.nn import WHOLE, Cell
from seqhub_cells.hgrn import HGRNCell
from seqhub_cells.lru import LRUCell
from seqhub_cells.mamba import MambaCell
from seqhub_cells.min_lstm import MinLSTMCell
from seqhub_cells.qrnn import QRNNCell
from seqhub_cells.rg_lru import RGLRUCell
from seqhub_cells.s4d import S4DCell
from seqhub_cells.s5 import S5Cell
from seqhub_cells.specs_linear import specs
from seqhub_cells.sru import SRUCell


def is_uniform(x: Tensor, low: float, high: float) -> None:
    """Kolmogorov-Smirnov: the distribution function is off by less than 2 / sqrt(n), as it nearly always is."""
    unit = (x.detach().flatten().double().sort().values - low) / (high - low)
    assert unit.min() > -1e-4
    assert unit.max() < 1 + 1e-4
    n = len(unit)
    assert (unit - torch.arange(n) / n).abs().max() < 2 / math.sqrt(n)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_min_lstm_starts_with_its_forget_bias_and_xavier_matrices():
    cell = MinLSTMCell(40, hidden=60, forget_bias=2.5)
    assert cell.x_proj.bias[:60].eq(2.5).all()
    assert cell.x_proj.bias[60:].eq(0).all()
    bound = math.sqrt(6 / (40 + 60))
    is_uniform(cell.x_proj.weight[60:120], -bound, bound)


def test_qrnn_starts_with_xavier_matrices_over_the_whole_window():
    cell = QRNNCell(20, hidden=60, kernel=3)
    bound = math.sqrt(6 / (60 + 60))
    is_uniform(cell.x_proj.weight[60:120], -bound, bound)
    assert cell.x_proj.bias.eq(0).all()


def test_qrnn_zoneout_keeps_whole_channels_in_training_and_their_share_on_average():
    """Section 2.1: f = 1 and nothing is written where a channel is kept."""
    cell = QRNNCell(4, hidden=3, kernel=1, pooling="ifo", zoneout=0.3)
    p = cell.project(torch.randn(1, 1, 4)).detach()
    a_mean, b_mean = cell.eval().coeffs(p, WHOLE)["h"]
    many = p.expand(1, 20000, -1)
    a, b = cell.train().coeffs(many, WHOLE)["h"]
    kept = a == 1
    assert torch.equal(kept, b == 0)
    assert kept.float().mean().item() == pytest.approx(0.3, abs=0.01)
    torch.testing.assert_close(a.mean(1), a_mean[:, 0], atol=0.01, rtol=0)
    torch.testing.assert_close(b.mean(1), b_mean[:, 0], atol=0.01, rtol=0)


def test_sru_starts_with_the_published_variances():
    cell = SRUCell(64, hidden=80, highway_bias=-3.0)
    limit = math.sqrt(3 / 64)
    is_uniform(cell.x_proj.weight[:80], -limit, limit)  # candidate: variance 1/D
    is_uniform(cell.x_proj.weight[80:240], -limit * math.sqrt(0.5), limit * math.sqrt(0.5))  # gates: half of it
    is_uniform(cell.v, -math.sqrt(1.5), math.sqrt(1.5))  # variance 1/2
    assert cell.bias[:80].eq(0).all()
    assert cell.bias[80:].eq(-3).all()
    is_uniform(SRUCell(64, hidden=64, state_gates=False).x_proj.weight, -limit, limit)


def test_rg_lru_starts_with_decays_uniform_between_0_9_and_0_999():
    cell = RGLRUCell(512, hidden=512, heads=8)
    is_uniform(torch.sigmoid(cell.decay) ** 8, 0.9, 0.999)
    assert cell.gates.std().item() == pytest.approx(1 / 8, rel=0.02)  # heads of 64: variance 1/64


def test_lru_starts_on_its_ring_with_a_state_of_its_inputs_size():
    cell = LRUCell(30, hidden=40, states=1000, r_min=0.6, r_max=0.9, max_phase=1.0)
    radius = torch.exp(-cell.nu.exp())
    is_uniform(radius.square(), 0.36, 0.81)
    is_uniform(cell.theta.exp(), 0, 1)
    torch.testing.assert_close(cell.gamma.exp(), (1 - radius.square()).sqrt())
    assert cell.b.weight.std().item() == pytest.approx(1 / math.sqrt(60), rel=0.02)
    assert cell.c.std().item() == pytest.approx(1 / math.sqrt(1000), rel=0.02)
    a, b = cell.coeffs(cell.project(torch.randn(1, 200, 30)), WHOLE)["h"]
    a, b = torch.view_as_complex(a.detach()), torch.view_as_complex(b.detach())
    h, sizes = torch.zeros(1000, dtype=torch.complex64), []
    for t in range(200):
        h = a * h + b[0, t]
        sizes.append(h.abs().square().mean())
    assert torch.stack(sizes[50:]).mean().item() == pytest.approx(1.0, rel=0.1)  # |B x|^2 is 1 for white noise


@pytest.mark.parametrize(
    ("spectrum", "frequencies"),
    [
        ("lin", [0, math.pi, 2 * math.pi]),  # pi n
        ("inv", [6 / math.pi * 5, 6 / math.pi * 1, 6 / math.pi * 0.2]),  # N/pi (N/(2n+1) - 1), N = 6
        ("legs", [0.471477, 2.468241, 10.951507]),  # numpy.linalg.eigvals of the normal matrix of size 6
    ],
)
def test_s4d_starts_with_the_named_spectrum(spectrum, frequencies):
    cell = S4DCell(700, hidden=2, states=3, spectrum=spectrum)
    torch.testing.assert_close(cell.frequency[5], torch.tensor(frequencies), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(cell.log_rate.exp(), torch.full((700, 3), 0.5))
    is_uniform(cell.log_dt, math.log(1e-3), math.log(0.1))
    assert cell.c.square().sum(-1).mean().item() == pytest.approx(1.0, rel=0.1)


def test_s5_starts_block_diagonal_with_unit_fan_in():
    cell = S5Cell(50, hidden=40, states=300, blocks=3)
    torch.testing.assert_close(cell.frequency[:100], cell.frequency[100:200])
    assert cell.frequency.min() > 0
    torch.testing.assert_close(cell.log_rate.exp(), torch.full((300,), 0.5))
    is_uniform(cell.log_dt, math.log(1e-3), math.log(0.1))
    # A unitary basis keeps lengths: rows of B have variance 1/D in all, columns of C 1/(2 N).
    assert cell.b.square().sum(-1).mean().item() == pytest.approx(1 / 50, rel=0.05)
    assert cell.c.square().sum(-1).mean().item() == pytest.approx(1 / 600, rel=0.05)


def test_hgrn_starts_with_rotary_angles_above_its_floor():
    cell = HGRNCell(4, hidden=4, floor=0.9)
    torch.testing.assert_close(cell.theta, torch.tensor([1.0, 1e-2, 1e-4, 1e-6]))
    a, _ = cell.coeffs(cell.project(10 * torch.randn(1, 500, 4)), WHOLE)["h"]
    assert a.square().sum(-1).sqrt().min() >= 0.9
    assert a.square().sum(-1).sqrt().max() <= 1 + 1e-6


def test_mamba_starts_with_the_papers_decays_and_steps():
    cell = MambaCell(6, hidden=400, states=3)
    torch.testing.assert_close(-cell.a_log.exp(), -torch.arange(1.0, 4).expand(800, 3))
    is_uniform(F.softplus(cell.dt_bias).log(), math.log(1e-3), math.log(0.1))
    assert cell.d.eq(1).all()
    assert cell.dt_proj.weight.shape == (800, 25)  # rank 400 / 16
    is_uniform(cell.dt_proj.weight, -0.2, 0.2)


@pytest.mark.parametrize("build", [lambda: RGLRUCell(6, hidden=6), lambda: LRUCell(6, hidden=6, states=4)])
def test_the_diagonal_role_writes_the_share_that_is_kept(build):
    cell: Cell = build()
    (role,) = [role for role in cell.roles() if role.kind == "diagonal"]
    parameter = cell.get_parameter(role.name)
    wanted = torch.linspace(0.2, 0.99, len(parameter))
    parameter.data[:] = role.write(wanted)
    a, _ = cell.coeffs(cell.project(torch.zeros(1, 1, 6)), WHOLE)["h"]
    size = a.square().sum(-1).sqrt() if cell.complex_slots else a[0, 0]
    torch.testing.assert_close(size.detach().flatten(), wanted, atol=1e-5, rtol=1e-5)


def test_no_decay_names_are_parameters():
    for spec in specs():
        module, _, name = spec.target.partition(":")
        build = getattr(importlib.import_module(module), name)
        for options in spec.examples:
            cell = build(8, **options)
            names = {name for name, _ in cell.named_parameters()}
            assert set(cell.no_decay) <= names, spec.name


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MinLSTMCell(4, hidden=0), "hidden is 0, expected 1 or more"),
        (lambda: QRNNCell(4, hidden=2, kernel=0), "kernel is 0"),
        (lambda: QRNNCell(4, hidden=2, pooling="of"), "pooling is 'of', expected one of"),
        (lambda: QRNNCell(4, hidden=2, zoneout=1.0), "zoneout is 1.0"),
        (lambda: SRUCell(4, hidden=0), "hidden is 0"),
        (lambda: RGLRUCell(4, hidden=6, heads=4), "heads is 4, which does not divide hidden"),
        (lambda: LRUCell(4, hidden=2, states=0), "states is 0"),
        (lambda: LRUCell(4, hidden=2, r_min=0.9, r_max=0.5), "r_min is 0.9 and r_max is 0.5"),
        (lambda: LRUCell(4, hidden=2, max_phase=7.0), "max_phase is 7.0"),
        (lambda: S4DCell(4, hidden=2, spectrum="log"), "spectrum is 'log'"),
        (lambda: S4DCell(4, hidden=2, dt_min=0.2), "dt_min is 0.2 and dt_max is 0.1"),
        (lambda: S5Cell(4, hidden=2, states=6, blocks=4), "blocks is 4, which does not divide states"),
        (lambda: S5Cell(4, hidden=2, dt_min=0.0), "dt_min is 0.0"),
        (lambda: HGRNCell(4, hidden=2, floor=1.0), "floor is 1.0"),
        (lambda: MambaCell(4, hidden=2, rank=0), "rank is 0"),
    ],
)
def test_arguments_that_do_not_fit_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("rg-lru", {"hidden": 6, "heads": 4}, "heads"),
        ("lru", {"hidden": 6, "r_min": 0.9, "r_max": 0.5}, "r_min"),
        ("s4d", {"hidden": 6, "dt_min": 0.2}, "dt_min"),
        ("s5", {"hidden": 6, "states": 6, "blocks": 4}, "blocks"),
    ],
)
def test_configs_report_what_does_not_fit(name, options, field):
    (spec,) = [spec for spec in specs() if spec.name == name]
    ((found, message, fix),) = spec.config(**options).problems(8)
    assert found == field
    assert str(options[field]) in message
    assert fix
