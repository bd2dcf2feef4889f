"""What an attention over a sliding window remembers, by a list of the last rows."""

from __future__ import annotations

import pytest
import torch

from seqhub.nn import Recent


@pytest.mark.parametrize("window", [1, 2, 4, 9])
def test_a_stream_in_chunks_looks_at_what_the_whole_looks_at(window):
    """Ragged rows, NaN in padding, an idle row: each step may look at the last `window` steps of its own row."""
    recent, lengths = Recent(1, window=window), torch.tensor([7, 3, 0])
    x = torch.arange(1.0, 22).reshape(3, 7, 1)
    state = {name: slot.tensor(3) for name, slot in recent.state.items()}
    done = torch.zeros(3, dtype=torch.int64)
    for start in range(0, 7, 2):
        piece = x[:, start : start + 2].clone()
        here = (lengths - start).clamp(0, piece.shape[1])
        for row in range(3):
            piece[row, here[row] :] = 0.0
        rows, allowed, state = recent(piece, here, state)
        assert rows.shape == (3, window - 1 + piece.shape[1], 1)
        for row in range(3):
            for step in range(int(here[row])):
                at = start + step
                expected = x[row, max(0, at - window + 1) : at + 1, 0]
                assert rows[row, allowed[row, step], 0].tolist() == expected.tolist()
        done = done + here
    if window > 1:
        assert state["seen"].flatten().tolist() == [min(n, window - 1) for n in (7, 3, 0)]
        assert state["recent"][2].abs().max() == 0  # the idle row kept what it had


def test_a_padded_step_looks_at_everything_so_that_no_softmax_is_empty():
    recent = Recent(1, window=3)
    state = {name: slot.tensor(1) for name, slot in recent.state.items()}
    _, allowed, _ = recent(torch.zeros(1, 4, 1), torch.tensor([2]), state)
    assert allowed[0, 2:].all()
    assert allowed[0, 0].tolist() == [False, False, True, False, False, False]


def test_distances():
    assert Recent(1, window=2).distances(2, torch.device("cpu")).tolist() == [[1, 0, -1], [2, 1, 0]]


def test_a_window_of_none_is_refused():
    with pytest.raises(ValueError, match="window is 0, expected 1 or more"):
        Recent(1, window=0)
