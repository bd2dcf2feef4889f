"""Branches and residuals of different look-ahead meet step by step; for any nesting, see `test_random_stacks`."""

from __future__ import annotations

import torch

from seqhub.nn import Parallel, Residual
from seqhub_conv.conv1d import Conv1d
from tests.nn.streams import ragged, worst_gap

D = 8


def test_parallel_strided_branches_of_different_look_ahead_meet_step_by_step():
    branches = [
        Conv1d(D, channels=4, kernel=9, stride=2, padding="centred"),
        Conv1d(D, channels=4, kernel=2, stride=2),
        Conv1d(D, channels=4, kernel=5, stride=2, padding="centred"),
    ]
    layer = Parallel(branches, merge="sum").eval()
    x, lengths = ragged([21, 8, 3], D)
    with torch.no_grad():
        y, out_lengths, _ = layer(x, lengths, layer.initial_state(3))
        alone = [branch(x, lengths, branch.initial_state(3))[0] for branch in branches]
    for row, n in enumerate(out_lengths.tolist()):
        torch.testing.assert_close(y[row, :n], sum(b[row, :n] for b in alone))
    assert worst_gap(layer, x, lengths, [2] * 11) < 1e-6
    assert worst_gap(layer, x, lengths, [5] * 5) < 1e-6


def test_residual_over_look_ahead_adds_the_matching_step():
    inner = Conv1d(D, channels=D, kernel=5, padding="centred")
    layer = Residual(inner, norm_kind="none").eval()
    x = torch.randn(1, 10, D)
    with torch.no_grad():
        y, _, _ = layer(x, torch.tensor([10]), layer.initial_state(1))
        padded = torch.nn.functional.pad(x.mT, (2, 2))
        expected = x + torch.nn.functional.conv1d(padded, inner.conv.weight, inner.conv.bias).mT
    torch.testing.assert_close(y[:, :10], expected, atol=1e-6, rtol=1e-5)
