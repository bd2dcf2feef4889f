"""Receptive fields and latencies added up by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from seqhub.geometry import INF, Geometry, identity, widest, window_geometry


def test_a_strided_convolution_then_another():
    # y reads 5 steps every 2; z reads 3 of y every 2: one z reads 5 + 2 * 2 = 9 steps and its block is 4.
    first = window_geometry(8, kernel=5, stride=2)
    second = window_geometry(4, kernel=3, stride=2)
    both = first.then(second)
    assert both == Geometry(width=4, ratio=Fraction(1, 4), block=4, past=3 + 2 * 1, future=0)
    assert both.past + both.block == 9
    assert [both.out_length(n) for n in (0, 3, 4, 7, 8, 9)] == [0, 0, 1, 1, 2, 2]


def test_look_ahead_is_counted_in_input_steps():
    down = window_geometry(8, kernel=4, stride=4)
    ahead = window_geometry(8, kernel=5, future=2)
    stack = down.then(ahead).then(ahead)
    assert (stack.past, stack.future, stack.block) == (16, 16, 4)
    assert stack.latency == 19  # the block's other 3 steps, then 16
    assert not stack.causal
    assert stack.streamable


def test_an_obstacle_stays_and_the_first_one_is_named():
    blocked = Geometry(width=4, future=INF, obstacle="reads backwards", remedy="turn it round")
    later = Geometry(width=4, future=INF, obstacle="reads everything", remedy="window")
    stack = identity(4).then(blocked).then(later)
    assert (stack.obstacle, stack.remedy, stack.streamable) == ("reads backwards", "turn it round", False)
    assert stack.past == 0
    assert stack.future == INF


def test_branches_take_the_widest_reach():
    near, far = window_geometry(3, kernel=2), window_geometry(5, kernel=9, future=4)
    assert widest([near, far], 8) == Geometry(width=8, past=4, future=4)


def test_a_window_shorter_than_its_stride_is_refused():
    with pytest.raises(ValueError, match=r"3 steps .* stride of 4"):
        window_geometry(8, kernel=3, stride=4)
