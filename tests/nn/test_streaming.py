"""A stream cut anywhere gives the outputs of the whole, through any nesting of strides, look-ahead and branches."""

from __future__ import annotations

import random

import pytest
import torch

from seqhub.nn import Chain, Parallel, Recurrent, Residual, SequenceLayer
from seqhub.nn.pointwise import MLP, Linear
from seqhub_attention.local import LocalAttention
from seqhub_cells.gru import GRUCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.depthwise import DepthwiseConv
from tests.nn.streams import ragged, worst_gap

D = 8
LENGTHS = [29, 17, 0, 5, 1, 12]


def random_layer(rng: random.Random, width: int, depth: int, *, strides: bool) -> SequenceLayer:
    """A legal stack with the given input width; `strides` allows layers that drop steps."""
    kinds = ["conv", "centred", "depthwise", "gru", "lstm", "mingru", "local", "mlp", "linear"]
    if depth > 0:
        kinds += ["residual", "parallel", "chain"] * 3
    if strides:
        kinds += ["strided"] * 2
    kind = rng.choice(kinds)
    kernel = rng.randint(1, 6)
    if kind in ("conv", "centred"):
        padding = "centred" if kind == "centred" else "causal"
        return Conv1d(width, channels=rng.choice([4, D]), kernel=kernel, dilation=rng.randint(1, 3), padding=padding)
    if kind == "strided":
        stride = rng.randint(2, 3)
        padding = rng.choice(["centred", "causal"])
        return Conv1d(width, channels=D, kernel=max(kernel, stride), stride=stride, padding=padding)
    if kind == "depthwise":
        return DepthwiseConv(width, kernel=kernel, padding=rng.choice(["centred", "causal"]))
    if kind in ("gru", "lstm", "mingru"):
        cell = {"gru": GRUCell, "lstm": LSTMCell, "mingru": MinGRUCell}[kind]
        return Recurrent(cell(width, hidden=rng.choice([4, D])))
    if kind == "local":
        return LocalAttention(width, heads=2, window=rng.randint(1, 9))
    if kind == "mlp":
        return MLP(width, ratio=2)
    if kind == "linear":
        return Linear(width, width=rng.choice([4, D]))
    if kind == "residual":
        inner = random_layer(rng, width, depth - 1, strides=False)
        back = Linear(inner.d_out, width=width)
        return Residual(Chain(width, {"inner": inner, "back": back}), norm_kind=rng.choice(["layer", "rms", "none"]))
    if kind == "parallel":
        merge = rng.choice(["concat", "sum", "mean"])
        branches: list[SequenceLayer] = []
        for _ in range(rng.randint(2, 3)):
            inner = random_layer(rng, width, depth - 1, strides=False)
            branches.append(Chain(width, {"inner": inner, "out": Linear(inner.d_out, width=4)}))
        return Parallel(branches, merge=merge)
    layers: dict[str, SequenceLayer] = {}
    for i in range(rng.randint(2, 4)):
        layers[f"l{i}"] = layer = random_layer(rng, width, depth - 1, strides=strides)
        width = layer.d_out
    return Chain(layers["l0"].d_in, layers)


@pytest.mark.parametrize("seed", range(120))
def test_random_stacks_cut_anywhere(seed: int):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    layer = random_layer(rng, D, 3, strides=True)
    assert layer.geometry.streamable
    x, lengths = ragged(LENGTHS, D, seed)
    sizes = []
    while sum(sizes) < x.shape[1]:
        sizes.append(rng.randint(1, 9))
    assert worst_gap(layer, x, lengths, sizes) < 2e-5
    assert worst_gap(layer, x, lengths, [1] * x.shape[1]) < 2e-5


@pytest.mark.parametrize("seed", range(40))
def test_random_stacks_ignore_their_neighbours_and_padding(seed: int):
    torch.manual_seed(seed)
    layer = random_layer(random.Random(1000 + seed), D, 3, strides=True).eval()
    x, lengths = ragged(LENGTHS, D, seed)
    with torch.no_grad():
        y, out_lengths, _ = layer(x, lengths, layer.initial_state(len(x)))
        assert not y.isnan().any()
        assert torch.equal(out_lengths, layer.out_lengths(lengths))
        for row, n in enumerate(lengths.tolist()):
            if n == 0:
                continue
            alone, alone_lengths, _ = layer(x[row : row + 1, :n], lengths[row : row + 1], layer.initial_state(1))
            steps = int(out_lengths[row])
            assert int(alone_lengths[0]) == steps
            torch.testing.assert_close(y[row, :steps], alone[0, :steps], atol=2e-5, rtol=1e-4)
            assert not y[row, steps:].any()


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
