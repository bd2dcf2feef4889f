"""Many streams that come and go, run together.

    pool = model.pool(limit=500)
    stream = pool.open()                            # a number that is never given twice
    pool.push(stream, chunk)                        # [T D]; it waits
    for stream, y in pool.step().items():           # one batch of all streams with news: y [T' *outputs]
        ...
    pool.flush(stream)                              # the end of a sequence: what was held back comes with the next step
    pool.close(stream)

Idle streams are never fed: the states of those with work are gathered, run, and put back. Streams of like chunks share
a run, ragged through `lengths`; much longer ones get a run of their own, so that little is padded. States and inputs
lie in arrays that are made once, or grow to the largest batch there was. What waits is bounded for each stream: a push
beyond that is refused, and the caller steps first, or drops what is late.

Threads: all methods may be called from any. `push` and `flush` never wait for a step that runs; the others take turns.
One thread calls `step`; a second would only wait for it.

Shapes: N streams, B rows of a run, T steps, D input columns, T' output steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from seqhub.errors import BundleError
from seqhub.runtime.inputs import as_steps
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.session import Arrays, Graph
from seqhub.runtime.stream import Snapshot

MOST_BLOCKS = 64  # of one stream in one run: what bounds the time that others wait for it
MOST_WAITING = 2**16  # blocks of one stream: eleven minutes at 100 a second
_MOST_TOGETHER = 8192  # blocks of all rows of a run, padding counted: what bounds memory where many streams are behind
_PADDED = 2  # a run computes at most so many times the steps that its rows bring


@dataclass(eq=False)
class _Live:
    """An open stream. row: of the states.  queue: chunks [T D] in order; None ends a sequence.

    waiting: steps in the queue.  lock: of both, never held while a graph runs.
    """

    row: int
    queue: deque[np.ndarray | None] = field(default_factory=deque)
    waiting: int = 0
    lock: Lock = field(default_factory=Lock)

    def put_back(self, x: np.ndarray, end: bool) -> None:
        """Steps that were taken, and the end behind them, in front of what waits. Call it under the lock."""
        self.queue.extendleft([None, x] if end else [x])
        self.waiting += len(x)

    def replace(self, *chunks: np.ndarray) -> None:
        """These wait, and nothing else."""
        with self.lock:
            self.queue.clear()
            self.queue.extend(chunks)
            self.waiting = sum(map(len, chunks))


class _Work(NamedTuple):
    """What one stream brings to a run."""

    stream: int
    live: _Live
    x: np.ndarray  # [T D]
    end: bool


class Pool:
    """At most `limit` streams at a time, in one batch a step; `most` steps of each in one run, and `max_waiting` that
    were pushed and not run; of a model that reads in blocks, so many blocks.
    """

    def __init__(
        self, graph: Graph, manifest: Manifest, limit: int, most: int = MOST_BLOCKS, max_waiting: int = MOST_WAITING
    ) -> None:
        if limit < 1 or most < 1 or max_waiting < 1:
            what = f"a pool of {limit} streams with {most} steps a run, {max_waiting} waiting, was asked for"
            raise BundleError(what, fix="give limit, most and max_waiting of 1 or more", code="E711")
        self.limit, self.manifest = limit, manifest
        self._graph, self._block = graph, manifest.block
        self._most, self._max_waiting = most * manifest.block, max_waiting * manifest.block
        self._flat = len(manifest.outputs) == 1
        self._nothing = np.empty((0, len(manifest.features)), manifest.dtype)
        self._states = graph.initial_state(limit)
        self._gathered = {name: value.copy() for name, value in self._states.items()}  # touched, so that memory is flat
        self._x = np.zeros(0, manifest.dtype)
        self._live: dict[int, _Live] = {}
        self._free = list(range(limit))
        heapify(self._free)
        self._next = 1
        self._ready: dict[int, None] = {}  # streams that were given something since they were last looked at
        self._done: dict[int, np.ndarray] = {}  # outputs that no step has given yet
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def streams(self) -> tuple[int, ...]:
        """Those that are open, in the order they were opened."""
        return tuple(self._live)

    def open(self) -> int:
        """A new stream at its first step. BundleError E718 where `limit` are open."""
        with self._lock:
            if not self._free:
                what = f"the pool holds its limit of {self.limit} streams"
                raise BundleError(what, fix="close one, or make the pool with a higher limit", code="E718")
            stream, row = self._next, heappop(self._free)
            self._next += 1
            self._begin(row)
            self._live[stream] = _Live(row)
            return stream

    def close(self, stream: int) -> None:
        """Drop the stream, and what waits in it; `flush` and a `step` before it give the rest."""
        with self._lock:
            heappush(self._free, self._of(stream).row)
            del self._live[stream]
            self._ready.pop(stream, None)
            self._done.pop(stream, None)

    def push(self, stream: int, chunk: Any) -> None:
        """Steps of this stream, [T D] of any T, for the next `step`. BundleError for a chunk that does not fit, and
        E721 where more than `max_waiting` steps would wait: it is then not taken.
        """
        live = self._of(stream)
        x = as_steps(chunk, self.manifest.features, "chunk", vocabulary=self.manifest.vocabulary)
        if not len(x):
            return
        with live.lock:
            if live.waiting + len(x) > self._max_waiting:
                what = f"stream {stream} has {live.waiting} steps waiting; {len(x)} more are beyond {self._max_waiting}"
                fix = "call step() until waiting() is smaller, drop steps, or make the pool with a higher max_waiting"
                raise BundleError(what, fix=fix, code="E721")
            live.queue.append(x.copy())  # the caller may reuse its array
            live.waiting += len(x)
        self._ready[stream] = None

    def flush(self, stream: int) -> None:
        """End this stream's sequence behind what was pushed: the next `step` gives what was held back. The stream then
        starts afresh; steps pushed after this belong to its next sequence. Flushed again, before anything else waits,
        it ends once.
        """
        live = self._of(stream)
        with live.lock:
            if not live.queue or live.queue[-1] is not None:
                live.queue.append(None)
        self._ready[stream] = None

    def waiting(self, stream: int) -> int:
        """Steps that were pushed and not run yet; of a model that reads in blocks, the begun block too."""
        return self._of(stream).waiting

    def step(self) -> dict[int, np.ndarray]:
        """Run every stream that has work, once: its output steps [T' *outputs], which may be none.

        A stream takes `most` steps, and no more than one sequence; `busy` tells whether one has more. Raises
        BundleError E717 where a run fails; its streams are then as before.
        """
        with self._lock:
            groups = deque(_grouped(self._work(), _MOST_TOGETHER * self._block))
            try:
                while groups:
                    self._run(groups[0])
                    groups.popleft()
            except BundleError:
                for work in (work for group in groups for work in group):
                    with work.live.lock:
                        work.live.put_back(work.x, work.end)
                    self._ready[work.stream] = None
                raise
            found, self._done = self._done, {}
            return found

    def drain(self) -> dict[int, np.ndarray]:
        """Step until no stream has work: all output steps of each, one after the other."""
        parts: dict[int, list[np.ndarray]] = {}
        while self.busy:
            for stream, y in self.step().items():
                parts.setdefault(stream, []).append(y)
        return {stream: np.concatenate(each) for stream, each in parts.items()}

    @property
    def busy(self) -> bool:
        """Whether a `step` would find a stream to look at."""
        return bool(self._ready)

    def reset(self, stream: int) -> None:
        """Put the stream back before its first step; what waits in it is dropped."""
        with self._lock:
            live = self._of(stream)
            self._begin(live.row)
            live.replace()

    def snapshot(self, stream: int) -> Snapshot:
        """The stream's state now and the steps that wait; a `Stream` of one row takes it too, in any process."""
        with self._lock:
            live = self._of(stream)
            with live.lock:
                queue = tuple(live.queue)
            chunks = [chunk for chunk in queue if chunk is not None]
            if len(chunks) < len(queue):
                fix = "call step() first"
                raise BundleError(f"stream {stream} was flushed, and has not ended yet", fix=fix, code="E718")
            state = {name: value[live.row : live.row + 1].copy() for name, value in self._states.items()}
            return Snapshot(state, (np.concatenate([self._nothing, *chunks]),))

    def restore(self, stream: int, snapshot: Snapshot) -> None:
        """Go back to a snapshot: of this stream, of another, or of a `Stream` of one row of the same bundle."""
        with self._lock:
            live = self._of(stream)
            snapshot.check({name: value[:1] for name, value in self._states.items()}, rows=1)
            for name, value in snapshot.state.items():
                self._states[name][live.row] = value[0]
            live.replace(*(chunk for chunk in snapshot.waiting if len(chunk)))
            if live.waiting:
                self._ready[stream] = None

    def _of(self, stream: int) -> _Live:
        try:
            return self._live[stream]
        except (KeyError, TypeError):
            told = "is closed" if isinstance(stream, int) and 0 < stream < self._next else "is none of this pool"
            fix = "open() gives the number of a stream"
            raise BundleError(f"stream {stream!r} {told}", fix=fix, code="E718") from None

    def _begin(self, row: int) -> None:
        for state in self._graph.states:
            self._states[state.input][row] = state.init

    def _work(self) -> Iterator[_Work]:
        """What every stream brings. Those that end and have nothing to run are ended here."""
        for stream in tuple(self._ready):
            self._ready.pop(stream, None)  # before its queue is read: a push from now on marks it again
            live = self._live.get(stream)
            if live is None:
                continue
            with live.lock:
                x, end = self._take(live)
                if self._has_work(live.queue):
                    self._ready[stream] = None
            if len(x) or (end and self._graph.takes_end):
                yield _Work(stream, live, x, end)
            elif end:
                self._begin(live.row)
                self._give(stream, np.empty((0, *self.manifest.outputs), np.float32))

    def _take(self, live: _Live) -> tuple[np.ndarray, bool]:
        """The steps that go into a run, and whether the sequence ends with them; the rest stays in the queue."""
        queue, chunks, count, end = live.queue, [], 0, False
        while queue and count < self._most and not end:
            chunk = queue.popleft()
            end = chunk is None
            if chunk is not None:
                chunks.append(chunk)
                count += len(chunk)
        x = chunks[0] if len(chunks) == 1 else np.concatenate([self._nothing, *chunks])
        taken = min(count if end else count - count % self._block, self._most)
        live.waiting -= count
        if taken == count:
            return x, end
        live.put_back(x[taken:], end)
        return x[:taken], False

    def _has_work(self, queue: Iterable[np.ndarray | None]) -> bool:
        count = 0
        for chunk in queue:
            if chunk is None:
                return True
            count += len(chunk)
        return count >= self._block

    def _run(self, group: list[_Work]) -> None:
        rows = np.array([work.live.row for work in group])
        lengths = np.array([len(work.x) for work in group], dtype=np.int64)
        state: Arrays = {
            name: np.take(value, rows, axis=0, out=self._gathered[name][: len(rows)], mode="clip")
            for name, value in self._states.items()
        }
        ends = np.array([work.end for work in group]) if self._graph.takes_end else None
        y, out_lengths, after = self._graph.run(self._padded(group, lengths), lengths, state, ends)
        for name, value in after.items():
            self._states[name][rows] = value
        for work, row, count in zip(group, y, out_lengths.tolist(), strict=True):
            given = row[:count].copy()  # a view would keep the whole batch in memory
            self._give(work.stream, given if self._flat else given.reshape(count, *self.manifest.outputs))
            if work.end:
                self._begin(work.live.row)

    def _give(self, stream: int, y: np.ndarray) -> None:
        before = self._done.get(stream)  # of a step that failed later on
        self._done[stream] = y if before is None else np.concatenate([before, y])

    def _padded(self, group: list[_Work], lengths: np.ndarray) -> np.ndarray:
        """x [B T D] in the pool's own array, zero behind each row's steps."""
        steps, width = max(int(lengths.max()), 1), len(self.manifest.features)
        size = len(group) * steps * width
        if size > len(self._x):
            self._x = np.zeros(size, self.manifest.dtype)
        x = self._x[:size].reshape(len(group), steps, width)
        if int(lengths.min()) == steps:
            np.concatenate([work.x for work in group], out=x.reshape(-1, width))
            return x
        x[:] = 0
        for padded, work in zip(x, group, strict=True):
            padded[: len(work.x)] = work.x
        return x


def _grouped(works: Iterable[_Work], most: int) -> Iterator[list[_Work]]:
    """Rows to run together, longest first. A run is cut where padding would outgrow what the rows bring, and where it
    would hold more than `most` steps of all rows.
    """
    group: list[_Work] = []
    longest = brought = 0
    for work in sorted(works, key=lambda work: len(work.x), reverse=True):
        size = max(len(work.x), 1)
        if group and longest * (len(group) + 1) > min(_PADDED * (brought + size), most):
            yield group
            group, brought = [], 0
        longest = longest if group else size
        group.append(work)
        brought += size
    if group:
        yield group
