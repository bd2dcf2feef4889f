"""Cells against implementations that are not ours: torch.nn, closed forms, and loops written from the papers'
equations.
"""

from __future__ import annotations

import torch
from torch import nn

from seqhub.nn import Recurrent
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_cells.rnn import RNNCell
from tests.nn.streams import ragged

D, H = 5, 7
LENGTHS = [11, 6, 1, 9]


def against_torch(cell, reference, *, biases: bool):
    """Outputs, final states and gradients of our layer (fused and stepped) and of torch's packed reference."""
    with torch.no_grad():
        reference.weight_ih_l0.copy_(cell.x_proj.weight)
        reference.weight_hh_l0.copy_(cell.h_proj.weight)
        reference.bias_ih_l0.copy_(cell.x_proj.bias)
        reference.bias_hh_l0.copy_(cell.h_proj.bias) if biases else reference.bias_hh_l0.zero_()
    x, lengths = ragged(LENGTHS, D)
    packed = nn.utils.rnn.pack_padded_sequence(torch.nan_to_num(x), lengths, batch_first=True, enforce_sorted=False)
    out, final = reference(packed)
    want, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
    want.square().sum().backward()
    for native in (True, False):
        cell.zero_grad()
        layer = Recurrent(cell, native=native)
        y, _, state = layer(x, lengths, layer.initial_state(len(x)))
        torch.testing.assert_close(y, want, atol=1e-6, rtol=1e-5)
        finals = final if isinstance(final, tuple) else (final,)
        for name, value in zip(state, finals, strict=True):
            torch.testing.assert_close(state[name], value[0], atol=1e-6, rtol=1e-5)
        y.square().sum().backward()
        torch.testing.assert_close(cell.x_proj.weight.grad, reference.weight_ih_l0.grad, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(cell.h_proj.weight.grad, reference.weight_hh_l0.grad, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(cell.x_proj.bias.grad, reference.bias_ih_l0.grad, atol=1e-5, rtol=1e-4)


def test_lstm_is_torch_lstm():
    against_torch(LSTMCell(D, hidden=H), nn.LSTM(D, H, batch_first=True), biases=False)


def test_gru_is_torch_gru():
    cell = GRUCell(D, hidden=H)
    nn.init.normal_(cell.h_proj.bias)
    against_torch(cell, nn.GRU(D, H, batch_first=True), biases=True)


def test_rnn_is_torch_rnn():
    against_torch(RNNCell(D, hidden=H), nn.RNN(D, H, batch_first=True), biases=False)
    relu = RNNCell(D, hidden=H, nonlinearity="relu")
    against_torch(relu, nn.RNN(D, H, batch_first=True, nonlinearity="relu"), biases=False)


def test_gru_reset_before_is_the_papers_equation():
    """Cho et al. 2014, arXiv:1406.1078v1, equations 5 to 8, one number at a time in float64."""
    cell = GRUCell(D, hidden=H, reset="before").double()
    nn.init.normal_(cell.h_proj.bias)
    layer = Recurrent(cell)
    x = torch.randn(1, 6, D, dtype=torch.float64)
    y, _, _ = layer(x, torch.tensor([6]), layer.initial_state(1))
    w_r, w_z, w_n = cell.x_proj.weight.detach().chunk(3)
    u_r, u_z, u_n = cell.h_proj.weight.detach().chunk(3)
    b_r, b_z, b_n = (cell.x_proj.bias + cell.h_proj.bias).detach().chunk(3)
    h = torch.zeros(H, dtype=torch.float64)
    for t in range(6):
        r = 1 / (1 + torch.exp(-(w_r @ x[0, t] + u_r @ h + b_r)))
        z = 1 / (1 + torch.exp(-(w_z @ x[0, t] + u_z @ h + b_z)))
        n = torch.tanh(w_n @ x[0, t] + u_n @ (r * h) + b_n)
        h = z * h + (1 - z) * n
        torch.testing.assert_close(y[0, t].detach(), h, atol=1e-12, rtol=1e-10)


def test_layernorm_lstm_is_the_papers_equation():
    """Ba et al. 2016, arXiv:1607.06450, equations 20 to 22, with its own normalisation written out."""
    cell = LayerNormLSTMCell(D, hidden=H).double()
    for norm in (cell.x_norm, cell.h_norm, cell.c_norm):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
    layer = Recurrent(cell)
    x = torch.randn(1, 6, D, dtype=torch.float64)
    y, _, state = layer(x, torch.tensor([6]), layer.initial_state(1))

    def normalised(a: torch.Tensor, norm: nn.LayerNorm) -> torch.Tensor:
        centred = a - a.mean()
        return centred / (centred.square().mean() + norm.eps).sqrt() * norm.weight + norm.bias

    h = c = torch.zeros(H, dtype=torch.float64)
    for t in range(6):
        pre = normalised(cell.x_proj.weight @ x[0, t], cell.x_norm) + normalised(cell.h_proj.weight @ h, cell.h_norm)
        i, f, g, o = pre.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * normalised(c, cell.c_norm).tanh()
        torch.testing.assert_close(y[0, t], h, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(state["c"][0], c, atol=1e-12, rtol=1e-10)


def test_min_gru_is_a_weighted_mean_of_its_candidates():
    """Closed form: h_T = sum_t z_t h~_t prod_{s>t} (1 - z_s), arXiv:2410.01201 section 3.1."""
    cell = MinGRUCell(D, hidden=H).double()
    layer = Recurrent(cell)
    x = torch.randn(2, 9, D, dtype=torch.float64)
    _, _, state = layer(x, torch.tensor([9, 9]), layer.initial_state(2))
    gate, candidate = cell.x_proj(x).chunk(2, dim=-1)
    z = gate.sigmoid()
    later = torch.flip(torch.cumprod(torch.flip(1 - z, [1]), 1), [1])  # prod over s >= t
    survives = torch.cat((later[:, 1:], torch.ones_like(later[:, :1])), 1)
    torch.testing.assert_close(state["h"], (z * candidate * survives).sum(1), atol=1e-12, rtol=1e-10)


def test_lstm_starts_remembering():
    cell = LSTMCell(D, hidden=H, forget_bias=2.5)
    _, f, _, _ = cell.x_proj.bias.chunk(4)
    assert torch.equal(f, torch.full((H,), 2.5))
    u = cell.h_proj.weight[:H]
    torch.testing.assert_close(u @ u.T, torch.eye(H), atol=1e-5, rtol=1e-5)
