"""A cell with a short convolution before it streams, resets and turns round like any other."""

from __future__ import annotations

import torch

from seqhub.nn import Cell, Context, Recurrent, Slot
from seqhub.nn.short_conv import ShortConv
from tests.nn.streams import ragged, worst_gap


class ConvThenSum(Cell):
    def __init__(self, d_in: int) -> None:
        slots = {"h": Slot((d_in,))}
        super().__init__(d_in, output_size=d_in, state=slots, inlet=ShortConv(d_in, kernel=3, activation="tanh"))

    def step(self, p, state, ctx):
        h = 0.5 * state["h"] + p
        return h, {"h": h}


def test_it_streams_in_any_cut():
    layer = Recurrent(ConvThenSum(4))
    assert list(layer.state) == ["h", "inlet.x"]
    x, lengths = ragged([11, 4, 0, 1], 4)
    for sizes in ([1] * 11, [3, 3, 3, 3], [7, 4]):
        assert worst_gap(layer, x, lengths, sizes) < 1e-6


def test_both_ways():
    layer = Recurrent(ConvThenSum(4), direction="bidirectional", backward_cell=ConvThenSum(4))
    assert set(layer.state) == {"forward.h", "forward.inlet.x", "backward.h", "backward.inlet.x"}
    x = torch.randn(1, 6, 4)
    y, _, _ = layer(x, torch.tensor([6]), layer.initial_state(1))
    back = Recurrent(layer.backward_cell)
    want, _, _ = back(x.flip(1), torch.tensor([6]), back.initial_state(1))
    torch.testing.assert_close(y[..., 4:], want.flip(1))


def test_no_tap_reaches_over_a_reset_within_or_across_chunks():
    layer = Recurrent(ConvThenSum(4))
    x = torch.randn(2, 9, 4)
    reset = torch.zeros(2, 9, dtype=torch.bool)
    reset[0, 4] = reset[0, 7] = reset[1, 5] = True
    full, _, state = layer(x, torch.tensor([9, 9]), layer.initial_state(2), None, Context(reset=reset))
    pieces = [(0, 4), (4, 7), (7, 9)], [(0, 5), (5, 9)]
    for row, spans in enumerate(pieces):
        for start, stop in spans:
            part = x[row : row + 1, start:stop]
            want, _, last = layer(part, torch.tensor([stop - start]), layer.initial_state(1))
            torch.testing.assert_close(full[row : row + 1, start:stop], want, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(state["h"][row : row + 1], last["h"], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(state["inlet.x"][row : row + 1], last["inlet.x"], atol=1e-6, rtol=1e-5)
    carried = layer.initial_state(2)
    parts = []
    for start, stop in ((0, 5), (5, 8), (8, 9)):
        ctx = Context(reset=reset[:, start:stop])
        y, _, carried = layer(x[:, start:stop], torch.full((2,), stop - start), carried, None, ctx)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), full, atol=1e-6, rtol=1e-5)
