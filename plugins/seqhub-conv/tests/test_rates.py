"""Numbers of the encoders that change the number of steps or look across a step, against torch and plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqhub.nn import Chain, Context
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.conv2d import Conv2d
from seqhub_conv.grid import GridConv
from seqhub_conv.pool1d import Pool1d
from seqhub_conv.segments import Segments
from seqhub_conv.subsampling import Subsampling
from seqhub_conv.subsampling_2d import Subsampling2d
from seqhub_conv.upsample import Upsample


def whole(layer, x, lengths=None):
    """The layer over a batch in float64: y, out_lengths."""
    lengths = torch.full((len(x),), x.shape[1]) if lengths is None else torch.tensor(lengths)
    layer.double().eval()
    with torch.no_grad():
        y, out_lengths, _ = layer(x.double(), lengths, layer.initial_state(len(x)))
    return y, out_lengths


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_subsampling_is_a_stack_of_strided_convolutions(factor):
    layer = Subsampling(4, channels=5, factor=factor, kernel=3)
    x = torch.randn(2, 35, 4, dtype=torch.float64)
    y, out_lengths = whole(layer, x)
    assert out_lengths.tolist() == [35 // factor] * 2
    assert (layer.geometry.block, layer.geometry.past) == (factor, factor - 1)  # 3 taps: 1 step before each block of 2
    h = x.mT
    for i in range(factor.bit_length() - 1):
        h = F.relu(nn.Conv1d.forward(layer[f"half{i}"].conv, F.pad(h, (1, 0))))
    torch.testing.assert_close(y[:, : 35 // factor], h.mT[:, : 35 // factor])


def test_conv2d_is_torchs_over_channels_and_positions():
    layer = Conv2d(
        10, channels=3, positions=5, kernel=3, kernel_across=5, stride=2, stride_across=2, dilation=2, activation="tanh"
    )
    x = torch.randn(2, 11, 10, dtype=torch.float64)
    y, out_lengths = whole(layer, x, [11, 6])
    assert out_lengths.tolist() == [5, 3]
    assert layer.d_out == 3 * 3
    for row, n in ((0, 11), (1, 6)):
        picture = x[row, :n].unflatten(1, (2, 5)).transpose(0, 1)[None]  # [1 2 n 5]
        picture = F.pad(picture, (2, 2, 3, 0))  # 5 steps seen, 2 of them the output's own
        want = torch.tanh(F.conv2d(picture, layer.conv.weight, layer.conv.bias, stride=2, dilation=(2, 1)))
        steps = n // 2
        torch.testing.assert_close(y[row, :steps], want[0].transpose(0, 1).flatten(1)[:steps])
        assert not y[row, steps:].any()


@pytest.mark.parametrize(("factor", "width", "left"), [(2, 9, 5), (4, 9, 3), (8, 40, 5)])
def test_subsampling_2d_shrinks_both_ways(factor, width, left):
    layer = Subsampling2d(width, channels=2, factor=factor)
    assert layer.d_out == 2 * left
    assert layer.geometry.block == factor
    x = torch.randn(1, 4 * factor, width, dtype=torch.float64)
    y, _ = whole(layer, x)
    h = x[:, None]
    for part in layer.layers.values():
        h = F.relu(F.conv2d(F.pad(h, (1, 1, 1, 0)), part.conv.weight, part.conv.bias, stride=2))
    torch.testing.assert_close(y, h.transpose(1, 2).flatten(2))


def test_segments_are_a_linear_map_of_whole_segments():
    layer = Segments(3, width=4, length=5)
    x = torch.randn(2, 13, 3, dtype=torch.float64)
    y, out_lengths = whole(layer, x, [13, 4])
    assert out_lengths.tolist() == [2, 0]
    weight = layer.conv.weight.transpose(1, 2).flatten(1)  # [4, 5*3], step by step
    torch.testing.assert_close(y[0, :2], F.relu(x[0, :10].reshape(2, 15) @ weight.mT + layer.conv.bias))


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize(("stride", "kernel", "padding"), [(3, None, "causal"), (2, 5, "causal"), (2, 5, "centred")])
def test_pool1d_leaves_out_what_is_not_there(kind, stride, kernel, padding):
    layer = Pool1d(3, kind=kind, stride=stride, kernel=kernel, padding=padding)
    x = -1 - torch.rand(2, 12, 3, dtype=torch.float64)  # below zero, so that a zero from outside would show
    y, out_lengths = whole(layer, x, [12, 7])
    span = kernel or stride
    ahead = (span - stride) // 2 if padding == "centred" else 0
    for row, n in ((0, 12), (1, 7)):
        assert int(out_lengths[row]) == n // stride
        for j in range(n // stride):
            last = j * stride + stride - 1 + ahead
            window = x[row, max(0, last - span + 1) : min(n, last + 1)]
            want = window.amax(dim=0) if kind == "max" else window.mean(dim=0)
            torch.testing.assert_close(y[row, j], want)


@pytest.mark.parametrize(("factor", "kernel"), [(2, 2), (3, 7), (4, 5), (1, 3)])
def test_transposed_upsampling_is_torchs_without_its_tail(factor, kernel):
    layer = Upsample(4, factor=factor, kind="transposed", channels=5, kernel=kernel)
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    y, out_lengths = whole(layer, x, [6, 3])
    assert out_lengths.tolist() == [6 * factor, 3 * factor]
    for row, n in ((0, 6), (1, 3)):
        want = F.conv_transpose1d(x[row, :n].mT[None], layer.conv.weight, layer.conv.bias, stride=factor)
        torch.testing.assert_close(y[row, : n * factor], want[0].mT[: n * factor])
        assert not y[row, n * factor :].any()


def test_repeating_is_repeat_interleave():
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    y, _ = whole(Upsample(3, factor=3), x)
    assert torch.equal(y, x.repeat_interleave(3, dim=1))


@pytest.mark.parametrize("factor", [2, 4])
def test_up_after_down_has_the_old_length_where_it_is_whole(factor):
    down = Subsampling(4, channels=6, factor=factor)
    up = Upsample(6, factor=factor, kind="transposed", channels=4, kernel=2 * factor)
    both = Chain(4, {"down": down, "up": up})
    assert both.geometry.ratio == 1
    assert both.geometry.block == factor
    for n in (factor, 3 * factor, 5 * factor):
        assert whole(both, torch.randn(1, n, 4))[1].tolist() == [n]


def test_down_and_up_streams_like_the_whole():
    """After a layer with look-ahead the chunks are uneven: counts must still meet."""
    layers = {
        "ahead": Conv1d(4, channels=4, kernel=3, padding="centred"),
        "down": Subsampling(4, channels=6, factor=4),
        "mix": Conv1d(6, channels=6, kernel=3, padding="centred"),
        "up": Upsample(6, factor=4, kind="transposed", channels=4, kernel=6),
    }
    layer = Chain(4, layers).double().eval()
    x, lengths = torch.randn(2, 27, 4, dtype=torch.float64), torch.tensor([27, 12])
    with torch.no_grad():
        y, out_lengths, _ = layer(x, lengths, layer.initial_state(2))
        for size in (1, 5, 8):
            state, rows = layer.initial_state(2), [[], []]
            for at in range(0, 27, size):
                given = (lengths - at).clamp(0, size)
                ctx = Context(end=lengths <= at + size)
                part, counts, state = layer(x[:, at : at + size], given, state, None, ctx)
                for row, n in enumerate(counts.tolist()):
                    rows[row].append(part[row, :n])
            for row, n in enumerate(out_lengths.tolist()):
                torch.testing.assert_close(torch.cat(rows[row]), y[row, :n])


@pytest.mark.parametrize(("stride", "pool", "cells"), [(1, 1, (4, 6)), (2, 1, (2, 3)), (1, 2, (2, 3)), (2, 2, (1, 1))])
def test_grid_conv_is_a_picture_at_a_time(stride, pool, cells):
    layer = GridConv(2 * 24, channels=3, height=4, width=6, stride=stride, pool=pool)
    assert layer.d_out == 3 * math.prod(cells)
    x = torch.randn(2, 5, 48, dtype=torch.float64)
    y, _ = whole(layer, x, [5, 2])
    for row, n in ((0, 5), (1, 2)):
        for t in range(n):
            want = F.relu(F.conv2d(x[row, t].view(1, 2, 4, 6), layer.conv.weight, layer.conv.bias, stride, 1))
            want = nn.MaxPool2d(pool)(want)
            assert want.shape[2:] == cells
            torch.testing.assert_close(y[row, t], want.flatten())
        assert not y[row, n:].any()
