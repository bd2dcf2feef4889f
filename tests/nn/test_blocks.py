"""Layers made of layers against their equations, step by step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seqhub.nn import (
    Chain,
    Context,
    Parallel,
    Recurrent,
    Resample,
    Residual,
    Reversible,
    RunningNorm,
    SequenceLayer,
    SharedRepeat,
    Skip,
)
from seqhub.nn.pointwise import GLU, Linear, make_activation
from seqhub.nn.pool import Pool
from seqhub.nn.position import Position
from seqhub.nn.running_norm import restore
from seqhub_cells.gru import GRUCell
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.upsample import Upsample
from tests.nn.streams import ragged, worst_gap

D = 4


def whole(layer: SequenceLayer, x, lengths=None):
    with torch.no_grad():
        lengths = torch.tensor([x.shape[1]] * len(x)) if lengths is None else lengths
        return layer.eval()(x, lengths, layer.initial_state(len(x)))[0]


def test_the_residual_of_a_post_norm_half_step_with_a_projection():
    inner = Linear(D, width=6)
    layer = Residual(inner, norm_kind="rms", post_norm=True, scale=0.5, project=True)
    x = torch.randn(2, 3, D)
    want = nn.functional.rms_norm(layer.skip(x) + 0.5 * whole(inner, x), (6,), layer.norm.weight, 1e-6)
    torch.testing.assert_close(whole(layer, x), want)
    x, lengths = ragged([3, 1], D)
    assert not whole(layer, x, lengths)[1, 1:].any()  # the projection's bias stays out of the padding


@pytest.mark.parametrize(("kind", "shape"), [("scalar", (1,)), ("channel", (D,))])
def test_a_learnt_scale_starts_where_it_is_told_and_has_a_gradient(kind, shape):
    layer = Residual(Linear(D, width=D), norm_kind="none", scale=0.0, learn_scale=kind)
    assert layer.learnt.shape == shape
    x = torch.randn(1, 5, D)
    torch.testing.assert_close(whole(layer, x), x)
    layer(x, torch.tensor([5]), {})[0].square().sum().backward()
    assert layer.learnt.grad.abs().sum() > 0


def test_a_residual_refuses_widths_that_differ_unless_it_projects():
    with pytest.raises(ValueError, match="must match"):
        Residual(Linear(D, width=6))
    with pytest.raises(ValueError, match="learn_scale is 'all'"):
        Residual(Linear(D, width=D), learn_scale="all")


def test_merges_of_branches():
    a, b, x = Linear(D, width=D), Chain(D, {}), torch.randn(2, 3, D)
    ya = whole(a, x)
    torch.testing.assert_close(whole(Parallel([a, b], merge="product"), x), ya * x)
    torch.testing.assert_close(whole(Parallel([a, b], merge="concat"), x), torch.cat((ya, x), -1))
    soft = Parallel([a, b], merge="gated")
    w = torch.softmax(soft.gate.scores(x), -1)
    torch.testing.assert_close(whole(soft, x), w[..., :1] * ya + w[..., 1:] * x)
    hard = Parallel([a, b], merge="gated", gate="sigmoid")
    w = torch.sigmoid(hard.gate.scores(x))
    torch.testing.assert_close(whole(hard, x), w[..., :1] * ya + w[..., 1:] * x)


def test_a_gate_waits_for_branches_that_look_ahead():
    layer = Parallel([Conv1d(D, channels=D, kernel=5, padding="centred"), Chain(D, {})], merge="gated")
    x, lengths = ragged([9, 4], D)
    assert worst_gap(layer, x, lengths, [1, 2, 3, 1, 2]) < 1e-6


def test_an_empty_branch_keeps_padding_out():
    x, lengths = ragged([5, 2], D)
    y = whole(Parallel([Chain(D, {}), Linear(D, width=D)], merge="sum"), x, lengths)
    assert not y.isnan().any()
    assert not y[1, 2:].any()


def test_a_skip_joins_the_step_it_came_from():
    ahead = Conv1d(D, channels=D, kernel=5, padding="centred")
    first = Linear(D, width=D)
    chain = Chain(D, {"a": first, "b": ahead}, keep={"a": "early"})
    link = Skip(D, key="early", between=ahead.geometry, width=D)
    layer = Chain(D, {"a": first, "b": ahead, "c": link}, keep={"a": "early"})
    x, lengths = ragged([9, 4], D)
    y, plain = whole(layer, x, lengths), whole(chain, x, lengths)
    early = whole(first, x, lengths)
    torch.testing.assert_close(y[0, :9], plain[0, :9] + early[0])
    assert worst_gap(layer, x, lengths, [2, 1, 4, 2]) < 1e-6
    with pytest.raises(ValueError, match="keeps its output as 'early'"):
        link(x, lengths, link.initial_state(2))


def test_shared_weights_with_states_apart():
    gru = Recurrent(GRUCell(D, hidden=D))
    layer = SharedRepeat(gru, 3)
    assert len(list(layer.parameters())) == len(list(gru.parameters()))
    assert sorted(layer.state) == ["r0.h", "r1.h", "r2.h"]
    x, lengths = ragged([7, 3], D)
    want = x
    for _ in range(3):
        want = whole(gru, want, lengths)
    torch.testing.assert_close(whole(layer, x, lengths), want)
    assert worst_gap(layer, x, lengths, [3, 1, 3]) < 1e-6
    with pytest.raises(ValueError, match="feeds width 6 back into width 4"):
        SharedRepeat(Linear(D, width=6), 2)


@pytest.mark.parametrize("keep", ["mean", "last", "max"])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 9])
def test_resampling_answers_with_the_last_complete_block(keep, steps):
    inner = Recurrent(GRUCell(D, hidden=5))
    layer = Resample(inner, factor=3, keep=keep)
    x = torch.randn(1, steps, D)
    pool = {"mean": lambda b: b.mean(1), "last": lambda b: b[:, -1], "max": lambda b: b.amax(1)}[keep]
    low = [pool(x[:, k : k + 3]) for k in range(0, steps - 2, 3)]
    u = whole(inner, torch.stack(low, 1)) if low else None
    y = whole(layer, x)
    for t in range(steps):
        k = (t + 1) // 3 - 1
        torch.testing.assert_close(y[0, t], u[0, k] if k >= 0 else torch.zeros(5))
    assert worst_gap(layer, x, torch.tensor([steps]), [1] * steps) < 1e-6


def test_a_resampled_look_ahead_streams():
    layer = Resample(Conv1d(D, channels=D, kernel=5, padding="centred"), factor=2)
    assert (layer.geometry.past, layer.geometry.future) == (6, 4)
    x, lengths = ragged([13, 8, 0, 1, 2], D)
    for sizes in ([1] * 13, [3, 1, 5, 4], [13]):
        assert worst_gap(layer, x, lengths, sizes) < 1e-6
    assert layer(x, lengths, layer.initial_state(5))[1].tolist() == [13, 8, 0, 1, 2]


def test_a_residual_around_fewer_steps_and_as_many_again():
    inner = Chain(D, {"down": Conv1d(D, channels=D, kernel=2, stride=2), "up": Upsample(D, factor=2)})
    layer = Residual(inner, norm_kind="none")
    x, lengths = ragged([9, 4, 1], D)
    y, out_lengths, _ = layer(x, lengths, layer.initial_state(3))
    assert out_lengths.tolist() == layer.out_lengths(lengths).tolist() == [8, 4, 0]
    down = whole(inner["down"], x, lengths)
    torch.testing.assert_close(y[0, :8], x[0, :8] + down[0, :4].repeat_interleave(2, 0))
    for sizes in ([1] * 9, [3, 3, 3], [2, 5, 2]):
        assert worst_gap(layer, x, lengths, sizes) < 1e-6


def test_the_running_norm_is_a_loop_over_the_past_and_its_inverse_undoes_it():
    layer = RunningNorm(D)
    x = 1e4 + torch.randn(2, 9, D)
    lengths = torch.tensor([9, 9])
    z = whole(layer, x)
    for t in range(9):
        past = x[:, : t + 1].double()
        want = (x[:, t].double() - past.mean(1)) / (past.var(1, correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(z[:, t].double(), want, atol=1e-5, rtol=1e-5)
    _, mean, scale, _ = layer.normalise(x, lengths, layer.initial_state(2))
    torch.testing.assert_close(restore(z, mean, scale), x, atol=1e-2, rtol=1e-6)
    assert worst_gap(layer, x, lengths, [1, 4, 2, 2]) < 1e-3


def test_a_reversible_model_does_not_know_the_level_or_the_unit():
    layer = Reversible(Chain(D, {"g": Recurrent(GRUCell(D, hidden=D)), "c": Conv1d(D, channels=D, kernel=3)})).double()
    x = torch.randn(1, 12, D, dtype=torch.float64)
    moved = whole(layer, 7 * x + 100)
    torch.testing.assert_close(moved[:, 2:], (7 * whole(layer, x) + 100)[:, 2:], atol=1e-2, rtol=1e-3)
    silent = Reversible(Chain(D, {"z": Linear(D, width=D)}))
    for parameter in silent.parameters():
        nn.init.zeros_(parameter)
    y = whole(silent, x.float())
    torch.testing.assert_close(y[0, -1], x[0].float().mean(0), atol=1e-5, rtol=1e-5)  # no answer is the mean


def test_sines_are_those_of_the_paper_and_stay_exact_far_along_a_stream():
    layer = Position(6, base=100.0).eval()
    x = torch.zeros(1, 5, 6)
    y = whole(layer, x)
    for t in range(5):
        for i in range(3):
            angle = torch.tensor(t / 100 ** (2 * i / 6), dtype=torch.float64)
            assert float(y[0, t, 2 * i]) == pytest.approx(float(angle.sin()), abs=1e-6)
            assert float(y[0, t, 2 * i + 1]) == pytest.approx(float(angle.cos()), abs=1e-6)
    far = 3_000_001
    y, _, state = layer(x[:, :1], torch.tensor([1]), {"count": torch.tensor([[far]])})
    assert float(y[0, 0, 0]) == pytest.approx(float(torch.tensor(far, dtype=torch.float64).sin()), abs=2e-4)
    assert int(state["count"]) == far + 1


def test_learnt_positions_end_with_the_last_row_of_the_table():
    layer = Position(D, kind="learned", longest=3)
    y = whole(layer, torch.zeros(1, 5, D))
    torch.testing.assert_close(y[0], layer.table.detach()[[0, 1, 2, 2, 2]])
    with pytest.raises(ValueError, match="odd"):
        Position(5)


def test_both_ends_of_a_bidirectional_layer_meet_at_the_last_step():
    both = Recurrent(GRUCell(D, hidden=3), direction="bidirectional", backward_cell=GRUCell(D, hidden=3))
    layer = Chain(D, {"both": both, "ends": Pool(6, kind="ends")})
    x, lengths = ragged([6, 2], D)
    y = whole(layer, x, lengths)
    _, _, state = both(x, lengths, both.initial_state(2))
    for row, n in enumerate(lengths.tolist()):
        want = torch.cat((state["forward.h"][row], state["backward.h"][row]))
        torch.testing.assert_close(y[row, n - 1], want)


def test_gated_linear_units_are_torchs():
    layer, x = GLU(D, width=3), torch.randn(2, 5, D)
    torch.testing.assert_close(whole(layer, x), nn.functional.glu(layer.module.both(x), -1))
    swish = GLU(D, width=3, activation="silu", bias=False)
    value, gate = swish.module.both(x).chunk(2, -1)
    torch.testing.assert_close(whole(swish, x), value * nn.functional.silu(gate))


def test_new_activations():
    x = torch.tensor([-1.0, 0.5, 30.0])
    assert make_activation("relu2")(x).tolist() == [0.0, 0.25, 900.0]
    assert make_activation("clipped-relu")(x).tolist() == [0.0, 0.5, 20.0]
    torch.testing.assert_close(make_activation("sigmoid")(x), x.sigmoid())


def test_time_and_resets_stop_where_the_time_axis_changes():
    layer = Resample(Recurrent(GRUCell(D, hidden=D)), factor=2)
    with pytest.raises(ValueError, match="cannot pass layer 'resample'"):
        layer(torch.zeros(1, 4, D), torch.tensor([4]), layer.initial_state(1), None, Context(reset=torch.zeros(1, 4)))
