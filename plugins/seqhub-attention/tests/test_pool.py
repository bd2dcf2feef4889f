"""Running attention pools against a softmax over the steps so far."""

from __future__ import annotations

import torch

from seqhub_attention.pool import AttentionPool


def pooled(layer, x):
    """The pool of a whole row x [T D], heads side by side, in float64."""
    cell, x = layer.cell, x.double()
    inner = torch.tanh(x @ cell.inner.weight.double().T + cell.inner.bias.double())
    weights = (inner @ cell.score.weight.double().T).softmax(0)  # [T H]
    return (weights.T @ x).flatten()


def test_every_step_is_the_pool_of_the_steps_so_far():
    torch.manual_seed(0)
    layer = AttentionPool(4, heads=3, size=6).eval()
    x = torch.randn(2, 40, 4)
    x[1, 7:] = float("nan")
    y, _, _ = layer(x, torch.tensor([40, 7]), layer.initial_state(2))
    for row, n in enumerate((40, 7)):
        for t in range(n):
            torch.testing.assert_close(y[row, t].double(), pooled(layer, x[row, : t + 1]), atol=1e-5, rtol=1e-5)


def test_scores_of_any_size_neither_overflow_nor_vanish():
    torch.manual_seed(0)
    layer = AttentionPool(4).eval()
    with torch.no_grad():
        layer.cell.score.weight.mul_(2000.0)
    for sign in (1.0, -1.0):
        with torch.no_grad():
            layer.cell.score.weight.copy_(layer.cell.score.weight.abs() * sign)
        x = torch.rand(1, 30, 4) + 1.0
        for chunk in (30, 1):
            state, last = layer.initial_state(1), None
            for t in range(0, 30, chunk):
                last, _, state = layer(x[:, t : t + chunk], torch.tensor([chunk]), state)
            torch.testing.assert_close(last[0, -1].double(), pooled(layer, x[0]), atol=1e-4, rtol=1e-4)
