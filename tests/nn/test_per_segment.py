"""A horizon by segments: against torch's own recurrent unit, run once for each segment of each column."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seqhub.nn.per_segment import PerSegmentHead
from tests.nn.streams import ragged

C, F, S, N = 3, 4, 5, 2


def build(dropout: float = 0.0) -> PerSegmentHead:
    torch.manual_seed(5)
    return PerSegmentHead(C * F, N * S * C, length=S, columns=C, dropout=dropout).eval()


def test_each_segment_is_one_step_of_torchs_gru_from_the_columns_part_of_the_input():
    head = build()
    unit = nn.GRUCell(F, F)
    with torch.no_grad():
        for name, own in (("ih", head.cell.x_proj), ("hh", head.cell.h_proj)):
            getattr(unit, f"weight_{name}").copy_(own.weight)
            getattr(unit, f"bias_{name}").copy_(own.bias.normal_())
        x, lengths = ragged([3, 1], C * F)
        y, out_lengths, state = head(x, lengths, {})
        for step in range(3):
            answered = y[0, step].view(N * S, C)  # step by step, columns side by side
            for column in range(C):
                h = x[0, step : step + 1, column * F : (column + 1) * F]
                for segment in range(N):
                    place = torch.cat((head.position[segment], head.column[column]))[None]
                    want = head.linear(unit(place, h))[0]
                    torch.testing.assert_close(answered[segment * S : (segment + 1) * S, column], want)
    assert torch.equal(out_lengths, lengths)
    assert not y[1, 1:].any()
    assert not y.isnan().any()
    assert state == {}


def test_it_drops_in_training_alone():
    head = build(dropout=0.5)
    x, lengths = torch.randn(2, 3, C * F), torch.tensor([3, 3])
    first, again = (head(x, lengths, {})[0] for _ in range(2))
    assert torch.equal(first, again)
    head.train()
    assert not torch.equal(head(x, lengths, {})[0], head(x, lengths, {})[0])


def test_what_does_not_divide_is_said():
    with pytest.raises(ValueError, match="3 columns do not share a width of 12 and 10 outputs equally"):
        PerSegmentHead(12, 10, length=2, columns=3)
    with pytest.raises(ValueError, match="a horizon of 10 steps is no multiple of a segment of 4"):
        PerSegmentHead(12, 30, length=4, columns=3)
