"""A pool of streams against sums computed by numpy: who is fed, in what company, and what is refused."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime import Model, Pool, load
from tests.runtime.conftest import WriteBundle

ONE = np.ones((1, 2))


def sizes_fed(pool: Pool) -> list[tuple[int, int]]:
    """[rows, steps] of every run from now on."""
    seen: list[tuple[int, int]] = []
    run = pool._graph.run
    pool._graph.run = lambda x, *rest: (seen.append(x.shape[:2]), run(x, *rest))[1]  # type: ignore[assignment,method-assign]
    return seen


def listed(outputs: dict[int, np.ndarray]) -> dict[int, list[list[float]]]:
    return {stream: y.tolist() for stream, y in outputs.items()}


def test_streams_with_news_share_a_run_and_idle_ones_are_not_fed(bundle: Path) -> None:
    pool = load(bundle).pool(4)
    a, b, c = (pool.open() for _ in range(3))
    seen = sizes_fed(pool)
    pool.push(a, ONE)
    pool.push(c, [[1, 2], [3, 4]])
    assert listed(pool.step()) == {a: [[1, 1]], c: [[1, 2], [4, 6]]}
    pool.push(b, ONE)
    pool.push(a, 2 * ONE)
    assert listed(pool.step()) == {a: [[3, 3]], b: [[1, 1]]}
    assert pool.step() == {}
    assert seen == [(2, 2), (2, 1)]


def test_chunks_that_were_pushed_one_by_one_run_together(bundle: Path) -> None:
    pool = load(bundle).pool(1)
    a, seen = pool.open(), sizes_fed(pool)
    for _ in range(3):
        pool.push(a, ONE)
    pool.push(a, np.zeros((0, 2)))
    assert pool.waiting(a) == 3
    assert listed(pool.step()) == {a: [[1, 1], [2, 2], [3, 3]]}
    assert pool.waiting(a) == 0
    assert seen == [(1, 3)]


def test_a_long_chunk_gets_a_run_of_its_own(bundle: Path, source: np.random.Generator) -> None:
    pool = load(bundle).pool(50, most=100)
    streams, seen = [pool.open() for _ in range(50)], sizes_fed(pool)
    lengths = [100, *source.integers(1, 3, 49).tolist()]
    for stream, n in zip(streams, lengths, strict=True):
        pool.push(stream, np.ones((n, 2)))
    found = pool.step()
    assert [len(found[stream]) for stream in streams] == lengths
    padded = sum(rows * steps for rows, steps in seen)
    assert len(seen) == 2
    assert padded <= 2 * sum(lengths)


def test_a_run_takes_so_many_steps_at_most_and_drain_takes_all(bundle: Path) -> None:
    pool = load(bundle).pool(2, most=4)
    a, b = pool.open(), pool.open()
    pool.push(a, np.ones((10, 2)))
    pool.push(b, ONE)
    assert {stream: len(y) for stream, y in pool.step().items()} == {a: 4, b: 1}
    assert pool.busy
    assert pool.waiting(a) == 6
    assert pool.drain()[a][:, 0].tolist() == [5, 6, 7, 8, 9, 10]
    assert not pool.busy
    assert pool.drain() == {}


def test_many_streams_that_are_behind_do_not_make_one_huge_run(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqhub.runtime.pool._MOST_TOGETHER", 20)
    pool = load(bundle).pool(10, most=8)
    streams, seen = [pool.open() for _ in range(10)], sizes_fed(pool)
    for stream in streams:
        pool.push(stream, np.ones((100, 2)))
    assert {len(y) for y in pool.step().values()} == {8}
    assert seen == [(2, 8)] * 5


@pytest.mark.parametrize("block", [1, 3])
def test_what_waits_is_bounded(write_bundle: WriteBundle, block: int) -> None:
    pool = load(write_bundle(block=block)).pool(2, most=1, max_waiting=4)
    a, b = pool.open(), pool.open()
    pool.push(a, np.ones((3 * block, 2)))
    pool.push(a, np.ones((block, 2)))
    with pytest.raises(BundleError, match=re.escape(f"stream {a} has {4 * block} steps waiting; 1 more")) as caught:
        pool.push(a, ONE)
    assert [problem.code for problem in caught.value.problems] == ["E721"]
    pool.push(b, np.ones((4 * block, 2)))  # each stream by itself
    pool.push(a, np.zeros((0, 2)))
    pool.flush(a)  # no step
    pool.step()
    assert pool.waiting(a) == pool.waiting(b) == 3 * block
    pool.push(a, np.ones((block, 2)))
    assert pool.waiting(a) == 4 * block
    found = pool.drain()
    assert found[a][:, 0].tolist() == [2 * block, 3 * block, 4 * block, block]
    assert found[b][:, 0].tolist() == [2 * block, 3 * block, 4 * block]
    assert pool.waiting(a) == pool.waiting(b) == 0


def test_a_restored_stream_counts_what_its_snapshot_brought(bundle: Path) -> None:
    model = load(bundle)
    wide, pool = model.pool(1), model.pool(1, max_waiting=2)
    a, b = wide.open(), pool.open()
    wide.push(a, np.ones((5, 2)))
    pool.restore(b, wide.snapshot(a))
    assert pool.waiting(b) == 5
    with pytest.raises(BundleError, match="has 5 steps waiting"):
        pool.push(b, ONE)
    pool.reset(b)
    assert pool.waiting(b) == 0
    pool.push(b, np.ones((2, 2)))


def test_a_sequence_that_is_flushed_again_ends_once(bundle: Path) -> None:
    pool = load(bundle).pool(1)
    a = pool.open()
    pool.push(a, ONE)
    for _ in range(1000):
        pool.flush(a)
    assert len(pool._live[a].queue) == 2
    assert listed(pool.step()) == {a: [[1, 1]]}
    assert not pool.busy


@pytest.mark.parametrize("most", [1, 5, 100])
def test_blocks_wait_until_they_are_whole(write_bundle: WriteBundle, most: int) -> None:
    pool = load(write_bundle(block=3)).pool(2, most=most)
    a = pool.open()
    pool.push(a, np.ones((2, 2)))
    assert pool.step() == {}
    assert pool.waiting(a) == 2
    pool.push(a, np.ones((5, 2)))
    assert pool.drain()[a].tolist() == [[3, 3], [6, 6]]
    assert pool.waiting(a) == 1
    pool.flush(a)
    assert pool.drain()[a].tolist() == []
    assert pool.waiting(a) == 0
    pool.push(a, np.ones((3, 2)))
    assert pool.drain()[a].tolist() == [[3, 3]]


def test_flush_gives_what_was_held_back_and_starts_afresh(write_bundle: WriteBundle) -> None:
    pool = load(write_bundle(ahead=True)).pool(3)
    a, b, idle = (pool.open() for _ in range(3))
    pool.push(a, ONE)
    pool.push(b, np.ones((2, 2)))
    assert listed(pool.step()) == {b: [[1, 1]], a: []}
    pool.flush(a)
    pool.push(a, 5 * np.ones((2, 2)))  # of the next sequence
    pool.push(b, ONE)
    pool.flush(b)
    assert listed(pool.step()) == {b: [[2, 2], [3, 3]], a: [[1, 1]]}
    assert listed(pool.step()) == {a: [[5, 5]]}
    pool.flush(idle)
    assert listed(pool.step()) == {idle: []}


def test_flush_of_a_model_that_holds_nothing_back_runs_nothing(bundle: Path) -> None:
    pool = load(bundle).pool(1)
    a, seen = pool.open(), sizes_fed(pool)
    pool.push(a, ONE)
    pool.step()
    pool.flush(a)
    assert listed(pool.step()) == {a: []}
    pool.push(a, ONE)
    assert listed(pool.step()) == {a: [[1, 1]]}
    assert seen == [(1, 1), (1, 1)]


def test_a_stream_that_was_closed_leaves_nothing_to_the_next(bundle: Path) -> None:
    pool = load(bundle).pool(1)
    a = pool.open()
    pool.push(a, 9 * ONE)
    pool.step()
    pool.push(a, 9 * ONE)
    pool.close(a)
    b = pool.open()
    assert (a != b, pool.streams, len(pool)) == (True, (b,), 1)
    assert pool.step() == {}
    pool.push(b, ONE)
    assert listed(pool.step()) == {b: [[1, 1]]}


def test_reset_drops_what_waits(bundle: Path) -> None:
    pool = load(bundle).pool(1)
    a = pool.open()
    pool.push(a, ONE)
    pool.step()
    pool.push(a, ONE)
    pool.flush(a)
    pool.reset(a)
    assert pool.step() == {}
    pool.push(a, 3 * ONE)
    assert listed(pool.step()) == {a: [[3, 3]]}


def test_snapshots_move_between_streams_and_pools(write_bundle: WriteBundle) -> None:
    model = load(write_bundle(block=2))
    pool = model.pool(2)
    a = pool.open()
    pool.push(a, np.ones((3, 2)))
    pool.step()
    pool.push(a, 2 * np.ones((3, 2)))
    taken = pool.snapshot(a)
    expected = [[4 + 1, 5], [9, 9]]  # 2, then 3 + 2, then 5 + 4
    assert pool.step()[a].tolist() == expected
    pool.restore(a, taken)
    b = pool.open()
    pool.restore(b, taken)
    assert listed(pool.step()) == {a: expected, b: expected}
    stream = model.stream()
    stream.restore(taken)
    assert np.asarray(stream.push(np.zeros((0, 2)))).tolist() == expected
    pool.restore(a, stream.snapshot())
    pool.push(a, ONE)
    pool.push(a, ONE)
    assert pool.step()[a].tolist() == [[11, 11]]


def test_a_stream_takes_steps_that_wait_in_a_snapshot_of_a_pool(bundle: Path) -> None:
    model = load(bundle)
    pool, stream = model.pool(1), model.stream()
    a = pool.open()
    pool.push(a, ONE)
    stream.restore(pool.snapshot(a))
    assert np.asarray(stream.push(ONE)).tolist() == [[1, 1], [2, 2]]
    stream.restore(pool.snapshot(a))
    assert np.asarray(stream.flush()).tolist() == [[1, 1]]


def test_outputs_are_the_callers_own_and_inputs_may_be_reused(bundle: Path) -> None:
    pool, chunk = load(bundle).pool(1), np.ones((1, 2), np.float32)
    a = pool.open()
    pool.push(a, chunk)
    chunk[:] = 100
    y = pool.step()[a]
    assert y.base is None
    y[:] = 50
    pool.push(a, ONE)
    assert pool.step()[a].tolist() == [[2, 2]]


def test_memory_does_not_grow_with_use(bundle: Path, source: np.random.Generator) -> None:
    pool = load(bundle).pool(8)
    places = [value.ctypes.data for value in (*pool._states.values(), *pool._gathered.values())]
    for _ in range(50):
        a = pool.open()
        pool.push(a, source.standard_normal((7, 2)))
        pool.step()
        pool.close(a)
    assert [value.ctypes.data for value in (*pool._states.values(), *pool._gathered.values())] == places
    assert pool._x.size == 7 * 2
    assert [len(kept) for kept in (pool._live, pool._ready, pool._done)] == [0, 0, 0]


Misuse = Callable[[Pool, Model], object]
MISUSE: list[tuple[Misuse, str, str]] = [
    (lambda pool, _: [pool.open() for _ in range(3)], "E718", "the pool holds its limit of 2 streams"),
    (lambda pool, _: pool.push(7, ONE), "E718", "stream 7 is none of this pool"),
    (lambda pool, _: pool.close("a"), "E718", "stream 'a' is none of this pool"),  # type: ignore[arg-type]
    (lambda pool, _: pool.close([1]), "E718", "stream [1] is none of this pool"),  # type: ignore[arg-type]
    (lambda pool, _: pool.push(pool.open(), np.ones((1, 3))), "E711", "'chunk' has shape [1, 3], expected [T 2]"),
    (lambda pool, _: pool.push(pool.open(), np.ones(2)), "E711", "'chunk' has shape [2], expected [T 2]"),
    (lambda pool, _: pool.push(pool.open(), [["a", "b"]]), "E710", "'chunk' holds <U1"),
    (lambda pool, _: pool.push(pool.open(), [[1, np.nan]]), "E712", "'chunk' holds nan at step 0, column 'b'"),
    (lambda _, model: model.pool(0), "E711", "a pool of 0 streams"),
    (lambda _, model: model.pool(2, most=0), "E711", "with 0 steps a run"),
    (lambda _, model: model.pool(2, max_waiting=0), "E711", "0 waiting"),
    (lambda pool, model: pool.restore(pool.open(), model.stream(2).snapshot()), "E715", "the snapshot holds 2 rows of"),
]


@pytest.mark.parametrize(("misuse", "code", "words"), MISUSE)
def test_misuse_is_one_clear_error(bundle: Path, misuse: Misuse, code: str, words: str) -> None:
    model = load(bundle)
    pool = model.pool(2)
    with pytest.raises(BundleError, match=re.escape(words)) as caught:
        misuse(pool, model)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.problems[0].fix
    assert pool.step() == {}


@pytest.mark.parametrize("name", ["push", "flush", "reset", "snapshot", "waiting", "close"])
def test_a_closed_stream_is_told_apart(bundle: Path, name: str) -> None:
    pool = load(bundle).pool(1)
    a = pool.open()
    pool.close(a)
    with pytest.raises(BundleError, match=f"stream {a} is closed"):
        getattr(pool, name)(*((a, ONE) if name == "push" else (a,)))


def test_a_snapshot_between_flush_and_step_is_refused(bundle: Path) -> None:
    pool = load(bundle).pool(1)
    a = pool.open()
    pool.push(a, ONE)
    pool.flush(a)
    with pytest.raises(BundleError, match="was flushed, and has not ended yet"):
        pool.snapshot(a)


def test_a_run_that_fails_leaves_its_streams_as_they_were(bundle: Path) -> None:
    pool = load(bundle).pool(8)
    a, *short = (pool.open() for _ in range(8))
    run, broken = pool._graph.session.run, [True]

    def fail_once(names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        if feeds["x"].shape[1] == 1 and broken:
            broken.clear()
            raise RuntimeError("no memory\nat all")
        return list(run(names, feeds))

    pool._graph.session = type("Session", (), {"run": staticmethod(fail_once)})()
    for stream in (a, *short):
        pool.push(stream, np.ones((50 if stream == a else 1, 2)))
        pool.flush(stream)
    with pytest.raises(BundleError, match=re.escape("onnxruntime failed in 'stream.onnx': no memory")) as caught:
        pool.step()
    assert caught.value.problems[0].code == "E717"
    pool.push(a, ONE)  # a ended in the run before the one that failed; its outputs are still there
    assert [pool.waiting(stream) for stream in (a, *short)] == [1, 0, *[1] * 6]  # the first ran beside a
    found = pool.step()
    assert found[a][:, 0].tolist() == [*range(1, 51), 1]
    assert [found[stream].tolist() for stream in short] == [[[1, 1]]] * 7


def test_threads_push_while_one_steps(bundle: Path) -> None:
    pool, count, each = load(bundle).pool(4, max_waiting=20), 4, 300
    streams = [pool.open() for _ in range(count)]
    sums: dict[int, list[float]] = {stream: [] for stream in streams}

    def push(stream: int) -> None:
        for _ in range(each):
            while pool.waiting(stream) == 20:  # only this thread pushes to it
                time.sleep(1e-4)
            pool.push(stream, ONE)

    threads = [threading.Thread(target=push, args=(stream,)) for stream in streams]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or pool.busy:
        for stream, y in pool.step().items():
            sums[stream] += y[:, 0].tolist()
    assert sums == {stream: [float(n) for n in range(1, each + 1)] for stream in streams}
