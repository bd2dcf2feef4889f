"""A compiled function in a loop of calls: pieces, results that are fed, what is handed through, and errors."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from seqhub.nn.engines import blocks
from seqhub.nn.engines.blocks import _Compiled, _fed, _fixed, _pieces

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),  # of torch's compiler about itself
    pytest.mark.skipif(bool(blocks.obstacle()), reason="nothing can be compiled here"),
]


def turn(now, carried, scale, rows):
    """Two steps a call: writes rows, gives a sum, the one before it, and an argument as it is."""
    (x,), (total, _, kept), (factor,), (row,) = now, carried, scale, rows
    for step in range(2):
        row[step].copy_(factor * x[step] + total)
        before, total = total, total + row[step]
    return [total, before, kept]


def test_calls_take_piece_after_piece_and_what_the_call_before_gave():
    x, row = torch.randn(8, 3), torch.zeros(8, 3)
    first = [torch.randn(3) for _ in range(3)]
    factor = torch.tensor(0.5)
    chain = _Compiled(turn, [x[:2]], first, [factor], [row[:2]])
    want_row, carried = torch.zeros(8, 3), first
    for start in (0, 2, 4, 6):
        carried = turn([x[start : start + 2]], carried, [factor], [want_row[start : start + 2]])
    given = [_pieces([x], 0, 2), _fed(first, 0), _fixed([factor]), _pieces([row], 0, 2)]
    got = chain.ready(4, given)()
    torch.testing.assert_close(row, want_row)
    for a, b in zip(got, carried, strict=True):
        torch.testing.assert_close(a, b)
    assert torch.equal(got[2], first[2])

    backwards, carried = torch.zeros(8, 3), first
    for start in (6, 4, 2, 0):
        carried = turn([x[start : start + 2]], carried, [factor], [want_row[start : start + 2]])
    got = chain.ready(4, [_pieces([x], 6, 2), _fed(first, 0), _fixed([factor]), _pieces([backwards], 6, 2)])()
    torch.testing.assert_close(backwards, want_row)
    torch.testing.assert_close(got[0], carried[0])

    once = torch.zeros(2, 3)  # a room of one piece is written over
    got = chain.ready(4, [_pieces([x], 0, 2), _fed(first, 0), _fixed([factor]), _pieces([once], 0, 2)])()
    torch.testing.assert_close(once, row[6:])
    assert len(got) == 3


def test_no_tensor_is_kept():
    x, first = torch.randn(8, 3), [torch.randn(3) for _ in range(3)]
    chain = _Compiled(turn, [x[:2]], first, [torch.tensor(0.5)], [torch.zeros(2, 3)])
    row = torch.zeros(8, 3)
    got = chain.ready(4, [_pieces([x], 0, 2), _fed(first, 0), _fixed([torch.tensor(0.5)]), _pieces([row], 0, 2)])()
    memory = [weakref.ref(each.untyped_storage()) for each in (row, *got[:2])]
    del row, got
    gc.collect()
    assert [each() for each in memory] == [None, None, None]


def test_what_the_function_throws_is_raised():
    def product(now, weights):
        return [now[0] @ weights[0]]

    chain = _Compiled(product, [torch.randn(4, 3)], [torch.randn(3, 5)])
    got = chain.ready(1, [_fixed([torch.ones(4, 3)]), _fixed([torch.ones(3, 5)])])()
    assert torch.equal(got[0], torch.full((4, 5), 3.0))
    with pytest.raises(RuntimeError, match="a compiled loop failed"):
        chain.ready(1, [_fixed([torch.ones(4, 3)]), _fixed([torch.ones(2, 5)])])()
