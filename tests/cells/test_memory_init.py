"""First values of the memory cells: what their docstrings promise."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from seqhub.nn import Recurrent
from seqhub_cells.delta_net import DeltaNetCell
from seqhub_cells.gated_delta_net import GatedDeltaNetCell
from seqhub_cells.gla import GLACell
from seqhub_cells.heads import HeadNorm, Joint
from seqhub_cells.hgrn2 import HGRN2Cell
from seqhub_cells.kda import KDACell
from seqhub_cells.linear_attention import LinearAttentionCell
from seqhub_cells.mamba2 import Mamba2Cell
from seqhub_cells.mlstm import MLSTMCell
from seqhub_cells.retnet import RetNetCell
from seqhub_cells.rwkv6 import RWKV6Cell
from seqhub_cells.rwkv7 import RWKV7Cell

D = 64
CELLS = {
    "linear-attention": LinearAttentionCell,
    "retnet": RetNetCell,
    "gla": GLACell,
    "mlstm": MLSTMCell,
    "delta-net": DeltaNetCell,
    "gated-delta-net": GatedDeltaNetCell,
    "mamba2": Mamba2Cell,
    "hgrn2": HGRN2Cell,
    "kda": KDACell,
    "rwkv6": RWKV6Cell,
    "rwkv7": RWKV7Cell,
}


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def built(name: str, seed: int = 0):
    torch.manual_seed(seed)
    return CELLS[name](D, hidden=128, heads=8)


def is_xavier(weight: Tensor) -> None:
    """Uniform within sqrt(6 / (in + out)), and as wide as that says."""
    bound = math.sqrt(6 / sum(weight.shape))
    assert float(weight.abs().max()) <= bound
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.15)


@pytest.mark.parametrize("name", CELLS)
def test_projections_are_xavier_uniform(name):
    cell = built(name)
    joints = [module for module in cell.modules() if isinstance(module, Joint)]
    assert joints
    for joint in joints:
        for rows in joint.linear.weight.split(joint.sizes):
            if rows.numel() >= 500:
                is_xavier(rows)
        assert joint.linear.bias is None or not joint.linear.bias.any()
    is_xavier(cell.out_proj.weight)


@pytest.mark.parametrize("name", CELLS)
def test_spared_names_are_parameters(name):
    cell = built(name)
    for module in cell.modules():
        spared = set(getattr(module, "no_decay", ()))
        assert spared <= dict(module.named_parameters(recurse=False)).keys()
    gains = [module for module in cell.modules() if isinstance(module, HeadNorm)]
    assert all("weight" in gain.no_decay for gain in gains)


@pytest.mark.parametrize("name", ["gated-delta-net", "mamba2", "kda"])
def test_rates_and_time_steps(name):
    """A uniform in [1, 16]; softplus(dt_bias) log-uniform in [0.001, 0.1]."""
    torch.manual_seed(0)
    cell = CELLS[name](D, hidden=1024, heads=512)
    rates, steps = cell.A_log.exp(), nn.functional.softplus(cell.dt_bias)
    assert 1 <= float(rates.min()) < 1.3
    assert 15.7 < float(rates.max()) <= 16
    assert float(rates.mean()) == pytest.approx(8.5, abs=0.6)
    assert 1e-3 <= float(steps.min()) * 1.0001 < 1.1e-3
    assert 0.09 < float(steps.max()) <= 0.1001
    assert float(steps.log10().mean()) == pytest.approx(-2, abs=0.1)


def test_mamba2_passes_its_input_on():
    assert torch.equal(built("mamba2").D, torch.ones(8))


def test_retnet_heads_forget_at_fixed_rates():
    """Without input the memory fades by 1 - 2^(-5 - h) a step, over the heads."""
    cell = built("retnet")
    layer = Recurrent(cell)
    state = {"S": torch.ones(1, 8, 16, 16), "inlet.n": torch.zeros(1, 1, dtype=torch.int64)}
    _, _, after = layer(torch.zeros(1, 1, D), torch.tensor([1]), state)
    want = torch.tensor([1 - 2.0 ** (-5 - h) for h in range(8)])
    torch.testing.assert_close(after["S"].mean((0, 2, 3)), want)


def test_gla_halves_in_sixteen_steps():
    """At zero input alpha = 2^(-1/16)."""
    layer = Recurrent(built("gla"))
    _, _, after = layer(torch.zeros(1, 16, D), torch.tensor([16]), {"S": torch.ones(1, 8, 16, 16)})
    torch.testing.assert_close(after["S"], torch.full((1, 8, 16, 16), 0.5))


def test_mlstm_gates_start_blind_to_the_input():
    cell = built("mlstm")
    assert not cell.gate_weight.any()
    torch.testing.assert_close(cell.gate_bias[:8], torch.linspace(3, 6, 8))
    torch.manual_seed(0)
    inputs = CELLS["mlstm"](2, hidden=2048, heads=1024).gate_bias[1024:]
    assert abs(float(inputs.mean())) < 0.02
    assert float(inputs.std()) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("negative", "middle"), [(False, 0.5), (True, 1.0)])
def test_delta_net_starts_in_the_middle_of_its_strength(negative, middle):
    torch.manual_seed(0)
    cell = DeltaNetCell(D, hidden=128, heads=8, negative_eigenvalues=negative)
    x = torch.randn(4, 50, D)
    mixed, _, _ = cell.inlet(x, torch.full((4,), 50), cell.inlet.initial_state(4))
    beta = cell.project(mixed)[3]
    assert float(beta.mean()) == pytest.approx(middle, rel=0.1)
    assert float(beta.max()) < 2 * middle


@pytest.mark.parametrize("bound", [0.0, 0.5, 0.95])
def test_hgrn2_keeps_at_least_its_lower_bound(bound):
    torch.manual_seed(0)
    cell = HGRN2Cell(D, hidden=128, heads=8, lower_bound=bound)
    _, write, _, decay = cell.project(10 * torch.randn(4, 50, D))
    assert float(decay.exp().min()) >= bound - 1e-7
    assert float(decay.exp().min()) == pytest.approx(bound, abs=0.02)
    torch.testing.assert_close(decay.exp(), 1 - write, atol=1e-6, rtol=0)


def test_rwkv6_follows_its_schedules():
    cell = built("rwkv6")
    bias = cell.decay_bias
    assert float(bias[0]) == -6
    assert float(bias[-1]) == -1
    assert bool((bias.diff() > 0).all())
    assert sorted({round(float(u), 6) for u in cell.bonus.flatten()}) == [-0.1, 0.0, 0.1]
    for mix in (cell.mu, *cell.mixes):
        assert float(mix[0]) == 1
        assert bool((mix.diff() < 0).all())
    for small in (cell.mix_down, cell.mix_up, cell.decay_down, cell.decay_up):
        assert 0.009 < float(small.abs().max()) <= 0.01


def test_rwkv7_follows_its_schedules():
    cell = built("rwkv7")
    rising = cell.decay_bias.view(8, 16).mean(1)  # the zigzag within a head cancels
    torch.testing.assert_close(rising.diff(), torch.full((7,), 6 * 16 / 127))
    assert float(cell.erase_gain.mean()) == pytest.approx(0.71, abs=1e-6)
    assert bool((cell.write_gain == 1.02).all())
    assert bool((cell.bonus == -0.04).all())
    for mix in cell.mixes:
        assert float(mix[0]) == 1
        assert bool((mix.diff() < 0).all())
    for low in (cell.decay, cell.rate, cell.gate):
        assert 0.009 < float(low.down.abs().max()) <= 0.01
        assert 0.009 < float(low.up.abs().max()) <= 0.01
