"""How a text is cut into streams and chunks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from seqhub.data.splits import Span
from seqhub.tasks.streams import Batches, Chunk, chunk_of, scoring_batches, training_batches


def rows_of(batches: Batches) -> list[list[Chunk]]:
    """The chunks of each row."""
    return [list(map(chunk_of, row)) for row in zip(*batches, strict=True)]


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("count", [1, 5, 64, 101])
@pytest.mark.parametrize("bptt", [1, 8, 100])
def test_every_target_is_scored_once_in_one_state(rows, count, bptt):
    batches = scoring_batches(Span(11, 11 + count), rows, bptt)
    scored = []
    for chunks in rows_of(batches):
        assert [chunk.carry for chunk in chunks] == [False] + [True] * (len(chunks) - 1)
        for one, other in pairwise(chunks):
            assert other.first == one.first + one.steps  # goes on where the batch before ended
        assert all(chunk.steps <= bptt for chunk in chunks)
        scored += [chunk.first + i for chunk in chunks for i in range(chunk.steps)]
    assert sorted(scored) == list(range(11, 11 + count))
    assert len({index for batch in batches for index in batch}) == len(batches) * min(rows, count)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.99])
def test_training_rows_are_of_one_length_and_move_from_epoch_to_epoch(jitter):
    targets = Span(5, 1005)
    epochs = [training_batches(targets, 4, 20, jitter, epoch=epoch, seed=3) for epoch in range(30)]
    assert {len(batches) for batches in epochs} == {12}
    starts, seen = set(), np.zeros(1005, dtype=int)
    for batches in epochs:
        rows = rows_of(batches)
        starts.add(rows[0][0].first)
        for row in rows:
            assert sum(chunk.steps for chunk in row) == 240
            assert all(chunk.steps >= 1 for chunk in row)
            assert [chunk.carry for chunk in row] == [False] + [True] * 11
            for one, other in pairwise(row):
                assert other.first == one.first + one.steps
        for one, other in pairwise(rows):
            assert other[0].first == one[0].first + 240
        assert rows[0][0].first >= 5
        assert rows[-1][-1].first + rows[-1][-1].steps <= 1005
        seen[rows[0][0].first : rows[-1][-1].first + rows[-1][-1].steps] += 1
    assert len(starts) > 10
    assert (seen[5:] > 0).all()  # what one epoch leaves out another takes
    assert len({tuple(b.borders) for b in epochs}) == (1 if not jitter else len(epochs))


def test_the_same_seed_and_epoch_give_the_same_batches():
    one, same, other = (list(training_batches(Span(1, 500), 3, 9, 0.3, epoch=2, seed=s)) for s in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.parametrize(("count", "rows", "bptt"), [(1, 8, 16), (3, 8, 16), (20, 8, 16), (16, 1, 16), (17, 1, 16)])
def test_texts_that_are_short(count, rows, bptt):
    batches = training_batches(Span(1, 1 + count), rows, bptt, 0.9, epoch=0, seed=0)
    assert len(batches) >= 1
    for row in rows_of(batches):
        assert row[0].first >= 1
        assert row[-1].first + row[-1].steps <= 1 + count
        assert all(chunk.steps >= 1 for chunk in row)


def test_an_index_names_its_chunk_even_in_a_text_of_a_trillion_tokens():
    chunks = [Chunk(0, 0, False), Chunk(1, 1, True), Chunk(2**41, 2**20 - 1, True), Chunk(7, 128, False)]
    assert [chunk_of(chunk.number) for chunk in chunks] == chunks
    assert max(chunk.number for chunk in chunks) < 2**63
    assert sorted(chunks) == [chunk_of(i) for i in sorted(chunk.number for chunk in chunks)]


def test_a_part_of_the_batches():
    batches = scoring_batches(Span(0, 90), 3, 10)
    assert list(batches[1:]) == list(batches)[1:]
    assert list(batches[:2]) == list(batches)[:2]
    assert list(batches[2:1]) == []
    assert batches[-1] == list(batches)[-1]
    with pytest.raises(IndexError):
        batches[3]
