"""Every column alone with the same weights: against the inner layer run column by column."""

from __future__ import annotations

import pytest
import torch

from seqhub.nn import Chain, Context, PerColumn, Recurrent, SequenceLayer
from seqhub.nn.per_column import PerColumnHead
from seqhub.nn.pointwise import Linear
from seqhub_attention.local import LocalAttention
from seqhub_cells.gru import GRUCell
from seqhub_conv.conv1d import Conv1d
from tests.nn.streams import cut, ragged, worst_gap

C, F = 3, 2


def build(stride: int = 1, padding: str = "causal") -> SequenceLayer:
    torch.manual_seed(3)
    inner = {
        "conv": Conv1d(F, channels=4, kernel=3, stride=stride, padding=padding),
        "gru": Recurrent(GRUCell(4, hidden=5)),
    }
    return PerColumn(Chain(F, inner), C).eval()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["causal", "centred"])
def test_it_is_the_inner_layer_over_each_column(stride, padding):
    layer = build(stride, padding)
    x, lengths = ragged([8, 5, 0], C * F)
    with torch.no_grad():
        y, out_lengths, state = layer(x, lengths, layer.initial_state(3))
        for column in range(C):
            part = x[:, :, column * F : (column + 1) * F]
            want, want_lengths, after = layer.inner(part, lengths, layer.inner.initial_state(3))
            torch.testing.assert_close(y[:, :, column * 5 : (column + 1) * 5], want)
            assert torch.equal(out_lengths, want_lengths)
            for name, value in after.items():
                torch.testing.assert_close(state[f"inner.{name}"][:, column], value)
    assert torch.equal(layer.out_lengths(lengths), out_lengths)
    assert not y.isnan().any()


def test_it_streams_and_keeps_rows_without_steps_to_the_bit():
    layer = build(stride=2, padding="centred")
    x, lengths = ragged([9, 4, 7], C * F)
    assert worst_gap(layer, x, lengths, [1, 2, 3, 1, 2]) < 1e-6
    _, before = cut(layer, x, lengths, [4])
    _, _, after = layer(x[:, :1], torch.zeros(3, dtype=torch.int64), before, None, Context(end=torch.zeros(3).bool()))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_weights_are_those_of_one_column_and_states_have_an_axis_of_columns():
    layer = build()
    assert sum(p.numel() for p in layer.parameters()) == sum(p.numel() for p in layer.inner.parameters())
    assert layer.state["inner.gru.h"].shape == (C, 5)
    assert (layer.d_in, layer.d_out) == (C * F, C * 5)
    assert layer.geometry == layer.inner.geometry.with_width(C * 5)


def test_elapsed_time_and_resets_go_to_every_column():
    layer = PerColumn(Recurrent(GRUCell(F, hidden=4)), C).eval()
    x, lengths = torch.randn(2, 6, C * F), torch.tensor([6, 6])
    reset = torch.zeros(2, 6, dtype=torch.bool)
    reset[0, 3] = True
    with torch.no_grad():
        y, _, _ = layer(x, lengths, layer.initial_state(2), None, Context(reset=reset))
        fresh, _, _ = layer(x[:, 3:], lengths - 3, layer.initial_state(2))
        going, _, _ = layer(x, lengths, layer.initial_state(2))
    torch.testing.assert_close(y[0, 3:], fresh[0])
    torch.testing.assert_close(y[1], going[1])


def test_the_head_answers_each_column_by_the_same_map_and_starts_small():
    head = PerColumnHead(C * 4, C * 5, columns=C)
    x, lengths = ragged([3, 1], C * 4)
    y, _, _ = head(x, lengths, {})
    for column in range(C):
        want = head.linear(x[0, :, column * 4 : (column + 1) * 4])
        torch.testing.assert_close(y[0].view(3, 5, C)[:, :, column], want)  # step by step, columns side by side
    assert not y[1, 1:].any()
    assert head.linear.weight.abs().max() <= 0.1 / 4**0.5
    with pytest.raises(ValueError, match="3 columns do not share a width of 12 and 10 outputs equally"):
        PerColumnHead(12, 10, columns=3)


def test_a_memory_cannot_be_cut_into_columns():
    class Reader(Linear):
        attends_to = 4

    with pytest.raises(ValueError, match="a memory has none"):
        PerColumn(Reader(F, width=2), C)


def test_attention_inside_streams():
    layer = PerColumn(LocalAttention(4, heads=2, window=3), 2).eval()
    x, lengths = ragged([6, 3], 8)
    assert worst_gap(layer, x, lengths, [2, 1, 3]) < 1e-6
