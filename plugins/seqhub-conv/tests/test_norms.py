"""Masked batch norm against torch's over the valid steps alone; weight norm, its folding included."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from seqhub_conv.batch_norm import BatchNorm
from seqhub_conv.norms import MaskedBatchNorm
from seqhub_conv.weight_norm import WeightNormConv1d

LENGTHS = [9, 4, 0, 1]


def test_training_takes_statistics_of_valid_steps_only():
    ours, torchs = BatchNorm(3, momentum=0.3).double().train(), nn.BatchNorm1d(3, momentum=0.3).double().train()
    lengths = torch.tensor(LENGTHS)
    for _ in range(3):
        x = 2 + 3 * torch.randn(4, 9, 3, dtype=torch.float64)
        packed = torch.cat([x[row, :n] for row, n in enumerate(LENGTHS)]).requires_grad_()
        ragged = x.clone()
        for row, n in enumerate(LENGTHS):
            ragged[row, n:] = float("nan")
        ragged.requires_grad_()
        y, _, _ = ours(ragged, lengths, {})
        want = torchs(packed)
        torch.testing.assert_close(torch.cat([y[row, :n] for row, n in enumerate(LENGTHS)]), want)
        assert not y[0, 9:].any()
        assert not y[2].any()
        weights = torch.randn_like(want)
        (want * weights).sum().backward()
        (torch.cat([y[row, :n] for row, n in enumerate(LENGTHS)]) * weights).sum().backward()
        grads = torch.cat([ragged.grad[row, :n] for row, n in enumerate(LENGTHS)])
        torch.testing.assert_close(grads, packed.grad)
        assert not ragged.grad[2].any()
    torch.testing.assert_close(ours.norm.running_mean, torchs.running_mean)
    torch.testing.assert_close(ours.norm.running_var, torchs.running_var)
    torch.testing.assert_close(ours.norm.weight.grad, torchs.weight.grad)
    torch.testing.assert_close(ours.norm.bias.grad, torchs.bias.grad)
    x = torch.randn(1, 5, 3, dtype=torch.float64)
    y, _, _ = ours.eval()(x, torch.tensor([5]), {})
    torch.testing.assert_close(y[0], torchs.eval()(x[0]))


def test_a_batch_without_a_step_leaves_the_statistics():
    norm = MaskedBatchNorm(3).train()
    norm(torch.zeros(2, 4, 3), torch.tensor([0, 0]))
    assert torch.equal(norm.running_mean, torch.zeros(3))
    assert torch.equal(norm.running_var, torch.ones(3))


def test_weight_norm_is_torchs():
    ours = WeightNormConv1d(4, 5, 3, dilation=2)
    theirs = weight_norm(nn.Conv1d(4, 5, 3, dilation=2))
    with torch.no_grad():
        ours.gain.mul_(1.7)
        theirs.parametrizations.weight.original0.copy_(ours.gain)
        theirs.parametrizations.weight.original1.copy_(ours.weight)
        theirs.bias.copy_(ours.bias)
    x = torch.randn(2, 4, 11)
    torch.testing.assert_close(ours(x.mT).mT, theirs(x))
    ours(x.mT).square().sum().backward()
    theirs(x).square().sum().backward()
    torch.testing.assert_close(ours.gain.grad, theirs.parametrizations.weight.original0.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.parametrizations.weight.original1.grad)


def test_what_is_folded_follows_the_parameters():
    conv = WeightNormConv1d(4, 5, 3)
    with torch.no_grad():
        conv.gain.mul_(3)
    conv.eval()
    torch.testing.assert_close(conv.folded, 3 * conv.weight)
    other = WeightNormConv1d(4, 5, 3).eval()
    other.load_state_dict(conv.state_dict())
    assert "folded" not in conv.state_dict()
    assert torch.equal(other.folded, conv.folded)
    assert conv.double().folded.dtype == torch.float64
