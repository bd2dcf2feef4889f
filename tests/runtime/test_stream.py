"""Streams against sums computed by numpy: any chunking, ragged rows, blocks, snapshots."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime import load
from tests.runtime.conftest import WriteBundle

Rows = list[np.ndarray]


def rows_of(outputs: np.ndarray | Rows) -> Rows:
    assert isinstance(outputs, list)
    return outputs


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_one_row_in_chunks_gives_the_whole(bundle: Path, source: np.random.Generator, size: int) -> None:
    x = source.standard_normal((23, 2)).astype(np.float32)
    stream = load(bundle).stream()
    parts = [stream.push(x[at : at + size]) for at in range(0, len(x), size)]
    parts.append(stream.flush())
    np.testing.assert_allclose(np.concatenate(parts), x.cumsum(axis=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("block", [1, 2, 3])
def test_ragged_portions_give_each_row_its_own_whole(
    write_bundle: WriteBundle, source: np.random.Generator, block: int
) -> None:
    model = load(write_bundle(block=block))
    sequences = [source.standard_normal((n, 2)).astype(np.float32) for n in (17, 0, 5, 1, 12)]
    stream, parts, at = model.stream(5), [[] for _ in sequences], [0] * 5
    while any(position < len(x) for position, x in zip(at, sequences, strict=True)):
        takes = source.integers(0, 5, 5)
        for part, y in zip(
            parts,
            rows_of(stream.push([x[i : i + n] for x, i, n in zip(sequences, at, takes, strict=True)])),
            strict=True,
        ):
            part.append(y)
        at = [position + int(n) for position, n in zip(at, takes, strict=True)]
    for part, y in zip(parts, rows_of(stream.flush()), strict=True):
        part.append(y)
    for x, part, whole in zip(sequences, parts, model.outputs(sequences), strict=True):
        expected = x.cumsum(axis=0)[block - 1 :: block]
        np.testing.assert_allclose(np.concatenate(part), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(np.concatenate(part), whole, rtol=1e-5, atol=1e-5)


def test_idle_rows_are_not_fed(bundle: Path) -> None:
    stream = load(bundle).stream(3)
    seen: list[int] = []
    run = stream._graph.run
    stream._graph.run = lambda x, *rest: (seen.append(len(x)), run(x, *rest))[1]  # type: ignore[assignment,method-assign]
    none, one = np.zeros((0, 2)), np.ones((1, 2))
    stream.push([none, one, none])
    stream.push([none, none, none])
    y = rows_of(stream.push([one, one, none]))
    assert seen == [1, 2]
    assert [row.tolist() for row in y] == [[[1, 1]], [[2, 2]], []]


def test_flush_and_reset_start_rows_afresh(bundle: Path) -> None:
    stream, one = load(bundle).stream(2), np.ones((1, 2))
    stream.push([one, one])
    stream.flush(rows=[0])
    assert [y.tolist() for y in rows_of(stream.push([one, one]))] == [[[1, 1]], [[2, 2]]]
    stream.reset([1])
    assert [y.tolist() for y in rows_of(stream.push([one, one]))] == [[[2, 2]], [[1, 1]]]
    stream.reset()
    assert [y.tolist() for y in rows_of(stream.push([one, one]))] == [[[1, 1]], [[1, 1]]]


def test_a_snapshot_brings_back_state_and_waiting_steps(write_bundle: WriteBundle) -> None:
    stream, one = load(write_bundle(block=2)).stream(), np.ones((1, 2))
    stream.push(np.ones((3, 2)))  # one step waits
    before = stream.snapshot()
    first = stream.push(one)
    stream.push(np.full((5, 2), 9.0))
    stream.reset()
    stream.restore(before)
    again = stream.push(one)
    assert np.array_equal(first, again)
    assert np.asarray(again).tolist() == [[4, 4]]


def test_a_snapshot_of_another_width_is_refused(bundle: Path) -> None:
    model = load(bundle)
    with pytest.raises(BundleError, match="the snapshot holds"):
        model.stream(2).restore(model.stream(3).snapshot())


def test_a_refused_chunk_leaves_the_state(bundle: Path) -> None:
    stream = load(bundle).stream(2)
    one = np.ones((1, 2))
    stream.push([one, one])
    with pytest.raises(BundleError, match=re.escape("'chunk[1]' holds nan at step 0, column 'b'")):
        stream.push([one, np.array([[1, np.nan]])])
    assert [y.tolist() for y in rows_of(stream.push([one, one]))] == [[[2, 2]], [[2, 2]]]


def test_the_callers_array_may_be_reused(write_bundle: WriteBundle) -> None:
    stream, chunk = load(write_bundle(block=2)).stream(), np.ones((1, 2), np.float32)
    stream.push(chunk)
    chunk[:] = 100
    assert np.asarray(stream.push(np.ones((1, 2), np.float32))).tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("batch", "chunk", "words"),
    [
        (2, [np.ones((1, 2))], "'chunk' has 1 rows, but the stream has 2"),
        (1, np.ones((1, 3)), "'chunk' has shape [1, 3]"),
        (1, np.ones((2, 1, 2)), "'chunk' has shape [2, 1, 2]"),
        (1, np.array([["a", "b"]]), "'chunk' holds <U1"),
    ],
)
def test_chunks_that_do_not_fit_are_named(bundle: Path, batch: int, chunk: object, words: str) -> None:
    with pytest.raises(BundleError, match=re.escape(words)):
        load(bundle).stream(batch).push(chunk)  # type: ignore[arg-type]


def test_rows_that_are_not_there_are_named(bundle: Path) -> None:
    with pytest.raises(BundleError, match=re.escape("rows [2] were named, but the stream has rows 0 to 1")):
        load(bundle).stream(2).reset([2])
    with pytest.raises(BundleError, match="0 rows"):
        load(bundle).stream(0)
