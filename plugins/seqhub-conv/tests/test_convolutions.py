"""Numbers of the encoders that keep the number of steps, against torch's functions over each row alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import SequenceLayer
from seqhub_conv.conformer import ConformerConv
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.depthwise import DepthwiseConv
from seqhub_conv.separable import SeparableConv
from seqhub_conv.tcn import TCN
from seqhub_conv.text_cnn import TextCNN
from seqhub_conv.wavenet import WaveNet

D = 6
LENGTHS = [17, 9, 0, 1]


def rows_of(layer: SequenceLayer) -> list[tuple[Tensor, Tensor]]:
    """(x [n D], y [n' C]) of each row of a ragged batch, NaN on its padding; in float64."""
    layer.double().eval()
    x = torch.randn(len(LENGTHS), max(LENGTHS), D, dtype=torch.float64)
    for row, n in enumerate(LENGTHS):
        x[row, n:] = math.nan
    lengths = torch.tensor(LENGTHS)
    with torch.no_grad():
        y, out_lengths, _ = layer(x, lengths, layer.initial_state(len(x)))
    return [(x[row, :n], y[row, : int(out_lengths[row])]) for row, n in enumerate(LENGTHS)]


def padded(x: Tensor, before: int, after: int = 0) -> Tensor:
    """[n D] -> [1 D before+n+after]."""
    return F.pad(x.mT[None], (before, after))


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({"kernel": 3}, 2, 0),
        ({"kernel": 1, "groups": 3}, 0, 0),
        ({"kernel": 3, "dilation": 4, "groups": 2}, 8, 0),
        ({"kernel": 4, "stride": 4}, 0, 0),
        ({"kernel": 5, "stride": 2, "bias": False}, 3, 0),
        ({"kernel": 5, "padding": "centred"}, 2, 2),
        ({"kernel": 4, "padding": "centred"}, 2, 1),
        ({"kernel": 3, "look_ahead": 2}, 0, 2),
        ({"kernel": 3, "dilation": 2, "stride": 2, "look_ahead": 1}, 2, 1),
    ],
)
def test_conv1d_is_torchs_over_a_padded_row(options, before, after):
    layer = Conv1d(D, channels=6, activation="tanh", **options)
    for x, y in rows_of(layer):
        outputs = len(x) // layer.conv.stride[0]
        assert len(y) == outputs
        if outputs:
            torch.testing.assert_close(
                y, torch.tanh(nn.Conv1d.forward(layer.conv, padded(x, before, after)))[0].mT[:outputs]
            )


def test_a_row_convolution_sees_only_what_comes():
    layer = DepthwiseConv(D, kernel=4, look_ahead=3)
    assert (layer.geometry.past, layer.geometry.future) == (0, 3)
    for x, y in rows_of(layer):
        if len(x):
            torch.testing.assert_close(y, nn.Conv1d.forward(layer.conv, padded(x, 0, 3))[0].mT)


def test_tcn_is_the_papers_block():
    layer = TCN(D, channels=5, kernel=3, levels=3, dilation=2, weight_norm=False, dropout=0.3)
    assert layer.geometry.past == 2 * 2 * 2 * (2**3 - 1)
    for x, y in rows_of(layer):
        if not len(x):
            continue
        h = x.mT[None]
        for i, block in enumerate(layer.layers.values()):
            z = h
            for conv in (block.inner["conv1"].conv, block.inner["conv2"].conv):
                z = F.relu(F.conv1d(F.pad(z, (4 * 2**i, 0)), conv.weight, conv.bias, dilation=2 * 2**i))
            skip = h if block.skip is None else F.conv1d(h, block.skip.weight[:, :, None], block.skip.bias)
            h = F.relu(z + skip)
        torch.testing.assert_close(y, h[0].mT)


def test_tcn_starts_small_and_drops_in_training_only():
    layer = TCN(D, channels=64, kernel=3, dropout=0.5, weight_norm=True)
    weights = [p for name, p in layer.named_parameters() if name.endswith("conv.weight")]
    assert len(weights) == 2
    assert all(abs(float(w.detach().std()) - 0.01) < 0.001 for w in weights)
    x, lengths = torch.randn(2, 8, D), torch.tensor([8, 8])
    first, again = (layer(x, lengths, layer.initial_state(2))[0] for _ in range(2))
    assert not torch.equal(first, again)


def test_wavenet_is_the_papers_stack():
    layer = WaveNet(D, channels=4, skip=3, kernel=2, layers=3, stacks=2)
    assert layer.geometry.past == 2 * (1 + 2 + 4)
    for x, y in rows_of(layer):
        if not len(x):
            continue
        h = F.conv1d(x.mT[None], layer.input.weight[:, :, None], layer.input.bias)
        total = torch.zeros(1, 3, len(x), dtype=torch.float64)
        for i, dilation in enumerate((1, 2, 4, 1, 2, 4)):
            gate, skip = layer.gates[i], layer.skips[i]
            w_filter, w_gate = gate.weight.chunk(2)
            b_filter, b_gate = gate.bias.chunk(2)
            past = F.pad(h, (dilation, 0))
            z = torch.tanh(F.conv1d(past, w_filter, b_filter, dilation=dilation))
            z = z * torch.sigmoid(F.conv1d(past, w_gate, b_gate, dilation=dilation))
            total = total + F.conv1d(z, skip.weight[:, :, None], skip.bias)
            if i < 5:
                residual = layer.residuals[i]
                h = h + F.conv1d(z, residual.weight[:, :, None], residual.bias)
        torch.testing.assert_close(y, F.relu(total)[0].mT)


@pytest.mark.parametrize(("padding", "before", "after"), [("causal", 4, 0), ("centred", 2, 2)])
@pytest.mark.parametrize("norm", ["layer", "batch", "none"])
def test_conformer_conv_is_the_papers_module(padding, before, after, norm):
    layer = ConformerConv(D, kernel=5, padding=padding, norm=norm)
    for x, y in rows_of(layer):
        if not len(x):
            continue
        a, b = (x @ layer.gated.weight.mT + layer.gated.bias).chunk(2, dim=-1)
        z = nn.Conv1d.forward(layer.depthwise.conv, padded(a * torch.sigmoid(b), before, after))[0].mT
        if norm == "layer":
            z = F.layer_norm(z, (D,))
        if norm == "batch":
            z = z / math.sqrt(1 + 1e-5)  # the running statistics at the start
        z = z * torch.sigmoid(z)
        torch.testing.assert_close(y, z @ layer.out.weight.mT + layer.out.bias)


def test_separable_conv_is_two_convolutions_a_layer():
    layer = SeparableConv(D, channels=4, kernel=3, layers=2, stride=2, norm="layer", activation="gelu")
    for x, y in rows_of(layer):
        h = x
        for i, part in enumerate(layer.layers.values()):
            if not len(h) // (1 if i else 2):
                h = h[:0]
                continue
            z = nn.Conv1d.forward(part.depthwise.conv, padded(h, 2 if i else 1))[0].mT[: len(h) // (1 if i else 2)]
            z = F.gelu(F.layer_norm(z, z.shape[-1:]))
            h = F.gelu(F.layer_norm(z @ part.pointwise.weight.mT + part.pointwise.bias, (4,)))
        assert len(y) == len(x) // 2
        torch.testing.assert_close(y, h if len(y) else y)


@pytest.mark.parametrize("padding", ["causal", "centred"])
def test_text_cnn_is_its_convolutions_side_by_side(padding):
    layer = TextCNN(D, channels=3, kernels=[1, 4, 2], padding=padding)
    for x, y in rows_of(layer):
        if not len(x):
            continue
        parts = []
        for conv in layer.convs:
            around = conv.kernel_size[0] - 1
            after = around // 2 if padding == "centred" else 0
            parts.append(F.relu(nn.Conv1d.forward(conv, padded(x, around - after, after)))[0].mT)
        torch.testing.assert_close(y, torch.cat(parts, dim=-1))
