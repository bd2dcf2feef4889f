"""Errors of the contract, windows against torch's own convolution, attention against a loop, pools, and the two
ends.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seqhub.nn import Chain, Context, Ends, Parallel, Recurrent, Residual, SequenceModel, Slot
from seqhub.nn.pointwise import Linear
from seqhub.nn.pool import MaxPool, MeanPool
from seqhub_attention.full import FullAttention
from seqhub_attention.local import LocalAttention
from seqhub_cells.gru import GRUCell
from seqhub_conv.conv1d import Conv1d
from tests.nn.streams import ragged, worst_gap


def whole(layer, x, lengths):
    return layer(x, lengths, layer.initial_state(len(x)))


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "left", "right"),
    [(3, 1, 1, 2, 0), (3, 1, 4, 8, 0), (5, 2, 1, 3, 0), (4, 4, 1, 0, 0), (1, 1, 1, 0, 0)],
)
def test_causal_convolution_is_torchs_with_left_padding(kernel, stride, dilation, left, right):
    layer = Conv1d(6, channels=4, kernel=kernel, stride=stride, dilation=dilation)
    x = torch.randn(2, 12, 6)
    y, out_lengths, _ = whole(layer, x, torch.tensor([12, 12]))
    want = F.conv1d(F.pad(x.mT, (left, right)), layer.conv.weight, layer.conv.bias, stride, dilation=dilation).mT
    assert out_lengths.tolist() == [12 // stride] * 2
    torch.testing.assert_close(y[:, : 12 // stride], want, atol=1e-6, rtol=1e-5)


def test_centred_convolution_is_torchs_with_padding_on_both_sides():
    layer = Conv1d(6, channels=4, kernel=5, dilation=2, padding="centred")
    assert (layer.geometry.past, layer.geometry.future) == (4, 4)
    x = torch.randn(2, 12, 6)
    y, _, _ = whole(layer, x, torch.tensor([12, 12]))
    want = F.conv1d(F.pad(x.mT, (4, 4)), layer.conv.weight, layer.conv.bias, dilation=2).mT
    torch.testing.assert_close(y[:, :12], want, atol=1e-6, rtol=1e-5)


def test_local_attention_is_a_loop_over_its_window():
    layer = LocalAttention(8, heads=2, window=3, positions="none")
    x = torch.randn(1, 7, 8)
    y, _, _ = whole(layer, x, torch.tensor([7]))
    k, v = layer.kv(x)[0].unflatten(-1, (2, 2, 4)).unbind(1)  # 2 x [T H E]
    q = layer.q(x)[0].unflatten(-1, (2, 4))
    for t in range(7):
        first = max(0, t - 2)
        heads = []
        for h in range(2):
            scores = torch.stack([q[t, h] @ k[s, h] / 2.0 for s in range(first, t + 1)])
            heads.append((scores.softmax(0)[:, None] * v[first : t + 1, h]).sum(0))
        torch.testing.assert_close(y[0, t], layer.out(torch.cat(heads)), atol=1e-6, rtol=1e-5)


def test_rotary_positions_make_local_attention_see_only_distances():
    layer = LocalAttention(8, heads=2, window=4).eval()
    x = torch.randn(1, 12, 8)
    x[0, 6:12] = x[0, 0:6]
    y, _, _ = whole(layer, x, torch.tensor([12]))
    torch.testing.assert_close(y[0, 9:12], y[0, 3:6], atol=1e-6, rtol=1e-5)  # the same 4 steps, 6 later
    swapped = x[:, [1, 0, 2, 3]]
    a, _, _ = whole(layer, x[:, :4], torch.tensor([4]))
    b, _, _ = whole(layer, swapped, torch.tensor([4]))
    assert (a[0, 3] - b[0, 3]).abs().max() > 1e-4  # and the order of what they see


def test_full_attention_ignores_padding_and_is_torchs():
    layer = FullAttention(8, heads=2, positions="none")
    x, lengths = ragged([6, 3], 8)
    y, _, _ = whole(layer, x, lengths)
    q = layer.q(x[1:, :3]).unflatten(-1, (2, 4))
    k, v = layer.kv(x[1:, :3]).unflatten(-1, (2, 2, 4)).unbind(2)
    want = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    torch.testing.assert_close(y[1:, :3], layer.out(want.transpose(1, 2).flatten(2)), atol=1e-6, rtol=1e-5)


def test_running_pools_end_at_the_pool_of_the_sequence():
    x, lengths = ragged([9, 4, 1], 3)
    mean, _, _ = whole(Recurrent(MeanPool(3)), x, lengths)
    peak, _, _ = whole(Recurrent(MaxPool(3)), x, lengths)
    for row, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(mean[row, n - 1], x[row, :n].mean(0), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(peak[row, n - 1], x[row, :n].amax(0))


def ends(**changes):
    values = {
        "features": ("co2", "temperature"),
        "outputs": (3, 1),
        "output_names": ("co2",),
        "input_shift": (1.0, 2.0),
        "input_scale": (2.0, 4.0),
        "output_shift": (0.5, 0.5, 0.5),
        "output_scale": (1.0, 2.0, 3.0),
    }
    return Ends(**{**values, **changes})


def test_an_anchored_model_with_a_silent_head_repeats_the_last_value():
    body = Chain(
        4, {"conv": Conv1d(4, channels=4, kernel=5, padding="centred"), "gru": Recurrent(GRUCell(4, hidden=4))}
    )
    model = SequenceModel(ends(anchor=(0, 0, 0), difference=True), body).eval()
    for parameter in model.stack["head"].parameters():
        torch.nn.init.zeros_(parameter)
    x, lengths = ragged([9, 4], 2)
    y, out_lengths, _ = whole(model, x, lengths)
    assert out_lengths.tolist() == [9, 4]
    torch.testing.assert_close(y[0, :9], x[0, :, :1].expand(9, 3) + 0.5)
    torch.testing.assert_close(y[1, :4], x[1, :4, :1].expand(4, 3) + 0.5)
    assert worst_gap(model, x, lengths, [1, 3, 2, 3]) < 1e-6


def test_a_subsampling_anchored_model_follows_the_last_step_of_each_block():
    body = Chain(4, {"conv": Conv1d(4, channels=4, kernel=4, stride=2)})
    model = SequenceModel(ends(anchor=(1, 1, 1), output_shift=(0.0,) * 3), body).eval()
    for parameter in model.stack["head"].parameters():
        torch.nn.init.zeros_(parameter)
    x, lengths = ragged([8, 5], 2)
    y, out_lengths, _ = whole(model, x, lengths)
    assert out_lengths.tolist() == [4, 2]
    torch.testing.assert_close(y[0, :4, 0], x[0, [1, 3, 5, 7], 1])
    assert worst_gap(model, x, lengths, [2, 2, 4]) < 1e-6


def test_differences_start_at_zero_and_go_on_over_chunks():
    model = SequenceModel(ends(difference=True, input_shift=(0.0, 0.0), input_scale=(1.0, 1.0)), Chain(4, {}))
    layer = model.stack["input"]
    x = torch.tensor([[[1.0, 10.0], [4.0, 10.0], [2.0, 13.0]]])
    y, _, _ = whole(layer, x, torch.tensor([3]))
    assert y.tolist() == [[[0.0, 0.0], [3.0, 0.0], [-2.0, 3.0]]]
    assert worst_gap(layer, x, torch.tensor([3]), [1, 1, 1]) == 0


def test_ends_survive_json_and_refuse_sizes_that_do_not_fit():
    import json

    first = ends(anchor=(0, 0, 0))
    assert Ends.from_dict(json.loads(json.dumps(first.as_dict()))) == first
    with pytest.raises(ValueError, match="output_scale has 2 entries, expected 3"):
        ends(output_scale=(1.0, 2.0))
    with pytest.raises(ValueError, match="positive"):
        ends(input_scale=(1.0, 0.0))


def test_bad_inputs_are_named():
    layer = Recurrent(GRUCell(4, hidden=3))
    x, lengths, state = torch.zeros(2, 5, 4), torch.tensor([5, 3]), layer.initial_state(2)
    layer.check_inputs(x, lengths, state)
    with pytest.raises(ValueError, match=r"x has shape \(2, 5, 6\), expected \[B T 4\]"):
        layer.check_inputs(torch.zeros(2, 5, 6), lengths, state)
    with pytest.raises(ValueError, match=r"lengths are \[5, 6\], expected 0 to 5"):
        layer.check_inputs(x, torch.tensor([5, 6]), state)
    with pytest.raises(ValueError, match=r"lengths are \[-1, 3\]"):
        layer.check_inputs(x, torch.tensor([-1, 3]), state)
    with pytest.raises(ValueError, match=r"missing \['h'\], unknown \['k'\]"):
        layer.check_inputs(x, lengths, {"k": state["h"]})
    with pytest.raises(ValueError, match=r"state 'h' has shape \(1, 3\), expected \(2, 3\)"):
        layer.check_inputs(x, lengths, {"h": state["h"][:1]})


def test_the_outermost_layer_checks_what_it_is_called_with():
    layer = Chain(4, {"cell": Recurrent(GRUCell(4, hidden=3))})
    x, lengths, state = torch.zeros(2, 5, 4), torch.tensor([5, 3]), layer.initial_state(2)
    with pytest.raises(ValueError, match=r"lengths are \[5, 6\], expected 0 to 5"):
        layer(x, torch.tensor([5, 6]), state)
    with pytest.raises(ValueError, match=r"missing \['cell.h'\], unknown \['h'\]"):
        layer(x, lengths, {"h": state["cell.h"]})
    y, _, _ = layer(x, lengths, state)  # an error leaves nothing behind
    assert y.shape == (2, 5, 3)


def test_structures_refuse_what_does_not_fit():
    wide = Linear(4, width=6)
    with pytest.raises(ValueError, match="layer 'b' reads width 4, but gets 6"):
        Chain(4, {"a": wide, "b": Linear(4, width=4)})
    with pytest.raises(ValueError, match="must match"):
        Residual(wide)
    with pytest.raises(ValueError, match=r"merge: sum needs branches of one width, got \[6, 4\]"):
        Parallel([wide, Linear(4, width=4)], merge="sum")
    with pytest.raises(ValueError, match="must agree"):
        Parallel([wide, Conv1d(4, channels=6, kernel=2, stride=2)])
    with pytest.raises(ValueError, match="none of size 0"):
        Slot((0,))
    with pytest.raises(ValueError, match="'bidirectional'"):
        Recurrent(GRUCell(4, hidden=4), direction="bidirectional")
    chain = Chain(4, {"c": Conv1d(4, channels=4, kernel=3, padding="centred"), "g": Recurrent(GRUCell(4, hidden=4))})
    with pytest.raises(ValueError, match="cannot pass layer 'c'"):
        chain(torch.zeros(1, 4, 4), torch.tensor([4]), chain.initial_state(1), None, Context(reset=torch.zeros(1, 4)))
