"""Each initialisation by name does what its name says: a statistic, or a closed form."""

from __future__ import annotations

import math

import pytest
import torch

from seqhub.nn import Init, init_cell
from seqhub.nn.init import NAMES, ring_matrix
from seqhub_cells.conv_lstm import ConvLSTMCell
from seqhub_cells.gated_delta_net import GatedDeltaNetCell
from seqhub_cells.gru import GRUCell
from seqhub_cells.indrnn import IndRNNCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.li_gru import LiGRUCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.lstm_projected import ProjectedLSTMCell
from seqhub_cells.mgu import MGUCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_cells.rnn import RNNCell
from seqhub_cells.slstm import SLSTMCell

D, H = 40, 60


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_xavier_has_its_bound_and_variance_gate_by_gate():
    cell = LSTMCell(D, hidden=H)
    assert init_cell(cell, "xavier") == ("x_proj.weight", "h_proj.weight")
    for weight, fan in ((cell.x_proj.weight, D + H), (cell.h_proj.weight, 2 * H)):
        for gate in weight.detach().chunk(4):
            bound = math.sqrt(6 / fan)
            assert 0.97 * bound < float(gate.abs().max()) <= bound
            assert float(gate.var()) == pytest.approx(2 / fan, rel=0.08)


def test_orthogonal_keeps_lengths_gate_by_gate():
    cell = LSTMCell(D, hidden=H)
    init_cell(cell, Init(recurrent="orthogonal"))
    for gate in cell.h_proj.weight.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(H), atol=1e-5, rtol=0)


def test_orthogonal_blocks_of_a_cell_with_heads():
    cell = SLSTMCell(D, hidden=H, heads=4)
    init_cell(cell, Init(recurrent="orthogonal"))
    for block in cell.h_proj.detach().chunk(16):  # 4 heads x 4 gates, [15 15] each
        torch.testing.assert_close(block @ block.T, torch.eye(15), atol=1e-5, rtol=0)


def test_identity_reads_its_own_past():
    cell = RNNCell(D, hidden=H)
    assert init_cell(cell, "identity") == ("h_proj.weight",)
    assert torch.equal(cell.h_proj.weight.detach(), torch.eye(H))
    conv = ConvLSTMCell(8, hidden=3, positions=8, kernel=3)
    init_cell(conv, "identity")
    h = torch.randn(1, 3, 8)
    for gate in conv.h_conv(h).detach().chunk(4, dim=1):
        assert torch.equal(gate, h)


def test_uniform_is_torchs():
    """The very numbers of torch.nn.LSTM's own bound, 1 / sqrt(hidden), on weights and biases alike."""
    cell = LSTMCell(D, hidden=H)
    assert init_cell(cell, "uniform") == ("x_proj.weight", "h_proj.weight", "x_proj.bias")
    reference = torch.nn.LSTM(D, H)
    bound = 1 / math.sqrt(H)
    for ours, theirs in ((cell.x_proj.weight, reference.weight_ih_l0), (cell.h_proj.weight, reference.weight_hh_l0)):
        for values in (ours.detach(), theirs.detach()):
            assert 0.99 * bound < float(values.abs().max()) <= bound
            assert float(values.var()) == pytest.approx(bound**2 / 3, rel=0.05)
    assert float(cell.x_proj.bias.detach().abs().max()) <= bound


def test_ring_matrix_has_its_eigenvalues_in_the_ring():
    matrix = ring_matrix(401, 0.5, 0.9)
    modulus = torch.linalg.eigvals(matrix).abs()
    assert float(modulus.min()) >= 0.5 - 1e-9
    assert float(modulus.max()) <= 0.9 + 1e-9
    # uniform over the area: the squares are uniform, so their mean is in the middle and a quarter lies below a quarter
    squares = modulus**2
    assert float(squares.mean()) == pytest.approx((0.25 + 0.81) / 2, abs=0.03)
    assert float((squares < 0.25 + 0.56 / 4).double().mean()) == pytest.approx(0.25, abs=0.08)
    torch.testing.assert_close(matrix @ matrix.T, matrix.T @ matrix)  # normal: no transient growth
    cell = RNNCell(D, hidden=H)
    init_cell(cell, Init(recurrent="ring", low=0.8, high=0.95))
    modulus = torch.linalg.eigvals(cell.h_proj.weight.detach().double()).abs()
    assert 0.8 - 1e-5 <= float(modulus.min()) <= float(modulus.max()) <= 0.95 + 1e-5


def test_ring_of_a_diagonal_recurrence():
    cell = IndRNNCell(D, hidden=20_000)
    assert init_cell(cell, Init(diagonal="ring", low=0.6, high=1.0)) == ("u",)
    u = cell.u.detach()
    assert 0.6 <= float(u.min()) <= float(u.max()) <= 1.0
    assert float((u**2).mean()) == pytest.approx((0.36 + 1) / 2, abs=0.006)


def kept(cell):
    """What a unit's state is multiplied by in one step of zero input from a zero output: read from the cell itself."""
    state = {name: torch.zeros(1, *slot.shape) for name, slot in cell.state.items()}
    memory = "c" if "c" in state else "h"
    p = torch.utils._pytree.tree_map(lambda t: t[:, 0], cell.project(torch.zeros(1, 1, cell.d_in)))
    still = cell.step(p, state, None)[1][memory]
    state[memory] = torch.full_like(state[memory], 1e-3)  # small: candidates that read h see almost nothing
    return ((cell.step(p, state, None)[1][memory] - still) / 1e-3)[0].detach()


FORGETS = {
    "lstm": lambda: LSTMCell(3, hidden=H),
    "gru": lambda: GRUCell(3, hidden=H),
    "mgu": lambda: MGUCell(3, hidden=H),
    "min-gru": lambda: MinGRUCell(3, hidden=H),
    "li-gru": lambda: LiGRUCell(3, hidden=H),
    "layernorm-lstm": lambda: LayerNormLSTMCell(3, hidden=H),
    "projected": lambda: ProjectedLSTMCell(3, hidden=H, projection=5),
}


@pytest.mark.parametrize("name", FORGETS)
@pytest.mark.parametrize("value", [1.0, 3.0])
def test_forget_bias_sets_what_is_kept(name, value):
    """Whatever the sign of a gate, the state is multiplied by sigmoid(value) at zero input."""
    cell = FORGETS[name]()
    with torch.no_grad():
        for role in cell.roles():
            if role.kind == "recurrent":  # so that the state moves no gate: what is measured is the bias
                cell.get_parameter(role.name).zero_()
    init_cell(cell, Init(forget="forget-bias", value=value))
    torch.testing.assert_close(kept(cell), torch.full((H,), 1 / (1 + math.exp(-value))), atol=1e-3, rtol=0)


def gate_biases(init: Init, cells: int = 100, hidden: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Input and forget biases of many LSTM cells: 20,000 units, without a matrix of that size."""
    biases = []
    for _ in range(cells):
        cell = LSTMCell(3, hidden=hidden)
        init_cell(cell, init)
        biases.append(cell.x_proj.bias.detach().chunk(4))
    return torch.cat([b[0] for b in biases]), torch.cat([b[1] for b in biases])


def test_chrono_spreads_memories_up_to_the_task():
    """Tallec and Ollivier 2018: b_f = log U(1, T - 1), b_i = -b_f."""
    i, f = gate_biases(Init(forget="chrono", steps=500))
    torch.testing.assert_close(i, -f)
    memory = f.double().exp()
    assert 1.0 - 1e-6 <= float(memory.min()) < 1.5
    assert 498 < float(memory.max()) <= 499.01
    assert float(memory.mean()) == pytest.approx(250, rel=0.02)
    assert float(memory.var()) == pytest.approx(498**2 / 12, rel=0.03)


@pytest.mark.parametrize("exponent", [0.56, 1.0])
def test_power_law_forgets_as_a_power(exponent):
    """Over the units, what is left after t steps has the mean (1 + t)^-exponent: Mahto et al. 2021."""
    _, f = gate_biases(Init(forget="power-law", exponent=exponent))
    r = f.double().sigmoid()
    for t in (1, 4, 16, 64):
        assert float((r**t).mean()) == pytest.approx((1 + t) ** -exponent, rel=0.06)
    assert bool(torch.isfinite(f).all())


def test_an_exponential_gate_keeps_the_same_share():
    sigmoid, exponential = (SLSTMCell(3, hidden=H, forget=kind) for kind in ("sigmoid", "exponential"))
    for cell in (sigmoid, exponential):
        init_cell(cell, Init(forget="forget-bias", value=2.0))
    share = 1 / (1 + math.exp(-2.0))
    torch.testing.assert_close(sigmoid.x_proj.bias.detach()[H : 2 * H].sigmoid(), torch.full((H,), share))
    torch.testing.assert_close(exponential.x_proj.bias.detach()[H : 2 * H].exp(), torch.full((H,), share))


def test_one_name_stands_for_every_role_that_it_suits():
    cell = GRUCell(3, hidden=4)
    before = cell.x_proj.bias.detach().clone()
    assert init_cell(cell, "orthogonal") == ("x_proj.weight", "h_proj.weight")
    assert torch.equal(cell.x_proj.bias.detach(), before)
    assert init_cell(cell, Init(bias="uniform", forget="forget-bias", value=5.0)) == ("x_proj.bias", "h_proj.bias")
    torch.testing.assert_close(cell.x_proj.bias.detach()[4:8], torch.full((4,), 5.0))  # after the biases, not under
    assert float(cell.x_proj.bias.detach()[:4].abs().max()) <= 0.5
    assert init_cell(cell, "zeros") == ("x_proj.bias", "h_proj.bias")


def test_seeds_decide():
    torch.manual_seed(3)
    first = RNNCell(3, hidden=4)
    init_cell(first, "ring")
    torch.manual_seed(3)
    again = RNNCell(3, hidden=4)
    init_cell(again, "ring")
    assert torch.equal(first.h_proj.weight, again.h_proj.weight)


@pytest.mark.parametrize(
    ("make", "init", "message"),
    [
        (lambda: RNNCell(3, hidden=4), "kaiming", r"init is 'kaiming', expected one of \['chrono', "),
        (lambda: RNNCell(3, hidden=4), "chrono", "RNNCell has no diagonal or forget parameters"),
        (lambda: LSTMCell(3, hidden=4, bias=False), Init(forget="chrono"), "LSTMCell has no forget parameters"),
        (lambda: LSTMCell(3, hidden=4), Init(diagonal="ring"), "LSTMCell has no diagonal parameters"),
        (
            lambda: ProjectedLSTMCell(3, hidden=4, projection=2),
            "identity",
            r"'identity' needs square matrices; ProjectedLSTMCell has \[4, 2\]",
        ),
    ],
)
def test_what_cannot_be_done_is_said(make, init, message):
    with pytest.raises(ValueError, match=message):
        init_cell(make(), init)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recurrent": "chrono"}, "recurrent is 'chrono', expected one of"),
        ({"steps": 2}, "steps is 2, expected 3 or more"),
        ({"exponent": 0.0}, r"exponent is 0\.0"),
        ({"low": 0.9, "high": 0.5}, r"the ring is from 0\.9 to 0\.5"),
    ],
)
def test_bad_options_are_said(options, message):
    with pytest.raises(ValueError, match=message):
        Init(**options)


def test_the_names_are_the_promised_ones():
    names = {name for names in NAMES.values() for name in names}
    promised = {"xavier", "orthogonal", "identity", "uniform", "forget-bias", "chrono", "ring", "power-law"}
    assert names == promised | {"zeros"}


def test_the_projections_of_a_memory_are_drawn_one_by_one():
    cell = GatedDeltaNetCell(D, hidden=H, heads=4)
    names = init_cell(cell, Init(input="orthogonal"))
    parts = [role for role in cell.roles() if role.kind == "input"]
    assert len(parts) > 3
    assert set(names) == {role.name for role in parts}
    for role in parts:
        start, stop = role.rows
        rows = cell.get_parameter(role.name).detach()[start:stop]
        small = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
        torch.testing.assert_close(small, torch.eye(len(small)), atol=1e-5, rtol=0)
