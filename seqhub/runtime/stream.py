"""Streams: chunks in, whatever outputs they complete out, the state kept in between.

Rows of a stream are independent: in one push each may bring any number of steps, none included. Rows that bring none
are not fed to the graph. Where the model reads in blocks, steps wait here until their block is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqhub.errors import BundleError
from seqhub.runtime.inputs import as_steps
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.session import Arrays, Graph

Outputs = np.ndarray | list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A stream's state at one moment, to go back to: tensors [B ...] by input name, and each row's waiting steps."""

    state: Arrays
    waiting: tuple[np.ndarray, ...]

    def check(self, states: Arrays, rows: int) -> None:
        """BundleError E715 unless it fits these states of so many rows: the same names, types and shapes."""
        expected = {name: (value.dtype.name, value.shape) for name, value in states.items()}
        found = {name: (value.dtype.name, value.shape) for name, value in self.state.items()}
        if found != expected or len(self.waiting) != rows:
            own, other = f"{rows} rows of {_listed(expected)}", f"{len(self.waiting)} rows of {_listed(found)}"
            message = f"the snapshot holds {other}, this stream needs {own}"
            raise BundleError(message, fix="restore a snapshot of the same bundle and number of rows", code="E715")


class Stream:
    """`batch` sequences that arrive chunk by chunk. One row takes and gives arrays, several take and give lists."""

    def __init__(self, graph: Graph, manifest: Manifest, batch: int) -> None:
        self.batch, self.manifest = batch, manifest
        self._graph, self._block = graph, manifest.block
        self._features = manifest.features
        self._nothing = np.empty((0, len(self._features)), manifest.dtype)
        self._state = graph.initial_state(batch)
        self._waiting = [self._nothing] * batch
        self._flat, self._going_on = len(manifest.outputs) == 1, np.zeros(1, dtype=bool)

    def push(self, chunk: np.ndarray | Sequence[Any]) -> Outputs:
        """The next steps of every row: [T D] for one row; [B T D], or a list of B arrays [T_i D], for several.

        Returns the output steps that they complete, [T' *outputs] a row; T' may be 0 where the model looks ahead.
        Raises BundleError, naming the row, for a chunk that does not fit; the state is then as before.
        """
        rows = self._rows(chunk)
        if self._block == 1 and not any(map(len, self._waiting)):
            return self._push_one(rows[0]) if self.batch == 1 else self._feed(rows, end=False)
        rows, rest = self._whole_blocks(rows)
        outputs = self._feed(rows, end=False)
        self._waiting = rest
        return outputs[0] if self.batch == 1 else outputs

    def _push_one(self, x: np.ndarray) -> np.ndarray:
        """What `_feed` does for one row, without its lists: a small step takes no longer than the graph needs."""
        if not len(x):
            return self._no_output()
        ends = self._going_on if self._graph.takes_end else None
        y, out_lengths, self._state = self._graph.run(x[None], np.array([len(x)], np.int64), self._state, ends)
        given: int = out_lengths[0]
        return np.asarray(y[0, :given] if self._flat else y[0, :given].reshape(given, *self.manifest.outputs))

    def flush(self, rows: Iterable[int] | None = None) -> Outputs:
        """End these rows (by default all): the outputs that were held back, and a fresh state for what comes next."""
        ending = self._indices(rows)
        outputs = [self._no_output()] * self.batch
        held = [i for i in ending if len(self._waiting[i]) or self._graph.takes_end]
        if held:
            chunks = [self._waiting[i] if i in held else self._nothing for i in range(self.batch)]
            outputs = self._feed(chunks, end=True, active=held)
        self.reset(ending)
        return outputs[0] if self.batch == 1 else outputs

    def reset(self, rows: Iterable[int] | None = None) -> None:
        """Put these rows (by default all) back before the first step; what was held back is dropped."""
        fresh = self._graph.initial_state(1)
        indices = self._indices(rows)
        for name, value in self._state.items():
            value = value.copy()  # a snapshot may share it
            value[indices] = fresh[name]
            self._state[name] = value
        for i in indices:
            self._waiting[i] = self._nothing

    def snapshot(self) -> Snapshot:
        """The state now; later pushes do not change it."""
        return Snapshot(dict(self._state), tuple(self._waiting))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of a stream of the same bundle and width."""
        snapshot.check(self._state, self.batch)
        self._state, self._waiting = dict(snapshot.state), list(snapshot.waiting)

    def _rows(self, chunk: np.ndarray | Sequence[Any]) -> list[np.ndarray]:
        if self.batch == 1 and isinstance(chunk, np.ndarray) and chunk.ndim == 2:
            return [self._steps(chunk, "chunk")]
        if self.batch == 1 and not (isinstance(chunk, list | tuple) and len(chunk) == 1 and np.ndim(chunk[0]) == 2):
            single = chunk[0] if isinstance(chunk, np.ndarray) and chunk.ndim == 3 and len(chunk) == 1 else chunk
            return [self._steps(single, "chunk")]
        if len(chunk) != self.batch:
            message = f"'chunk' has {len(chunk)} rows, but the stream has {self.batch}"
            raise BundleError(
                message, fix="give one array a row; an empty one [0 D] for a row without news", code="E711"
            )
        return [self._steps(row, f"chunk[{i}]") for i, row in enumerate(chunk)]

    def _steps(self, value: Any, name: str) -> np.ndarray:
        return as_steps(value, self._features, name, vocabulary=self.manifest.vocabulary)

    def _whole_blocks(self, rows: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Each row's waiting and new steps, cut into whole blocks and the rest."""
        joined = [np.concatenate(pair) if len(pair[0]) else pair[1] for pair in zip(self._waiting, rows, strict=True)]
        cuts = [len(row) - len(row) % self._block for row in joined]
        whole = [row[:cut] for row, cut in zip(joined, cuts, strict=True)]
        return whole, [row[cut:].copy() for row, cut in zip(joined, cuts, strict=True)]

    def _feed(self, rows: list[np.ndarray], *, end: bool, active: list[int] | None = None) -> list[np.ndarray]:
        """Run the graph on the active rows only (by default those with steps), and put their state back."""
        if active is None:
            active = [i for i, row in enumerate(rows) if len(row)]
        if not active:
            return [self._no_output()] * self.batch
        everyone = len(active) == self.batch
        x, lengths = self._padded([rows[i] for i in active])
        state = self._state if everyone else {name: value[active] for name, value in self._state.items()}
        ends = np.full(len(active), end) if self._graph.takes_end else None
        y, out_lengths, after = self._graph.run(x, lengths, state, ends)
        self._state = (
            after if everyone else {name: _scattered(self._state[name], active, new) for name, new in after.items()}
        )
        shape = self.manifest.outputs
        given = [row[:n].reshape(n, *shape) for row, n in zip(y, out_lengths.tolist(), strict=True)]
        if everyone:
            return given
        outputs = [self._no_output()] * self.batch
        for i, steps in zip(active, given, strict=True):
            outputs[i] = steps
        return outputs

    def _padded(self, rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        lengths = [len(row) for row in rows]
        if len(rows) == 1 and lengths[0]:
            return rows[0][None], np.array(lengths, dtype=np.int64)
        steps = max(*lengths, 1)  # a graph needs one, real or not
        x = np.zeros((len(rows), steps, len(self._features)), rows[0].dtype)
        for padded, row in zip(x, rows, strict=True):
            padded[: len(row)] = row
        return x, np.array(lengths, dtype=np.int64)

    def _indices(self, rows: Iterable[int] | None) -> list[int]:
        indices = list(range(self.batch)) if rows is None else sorted({int(i) for i in rows})
        if indices and not 0 <= indices[0] <= indices[-1] < self.batch:
            message = f"rows {indices} were named, but the stream has rows 0 to {self.batch - 1}"
            raise BundleError(message, fix="name rows of this stream", code="E711")
        return indices

    def _no_output(self) -> np.ndarray:
        return np.empty((0, *self.manifest.outputs), np.float32)


def _listed(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name} {dtype} {list(shape)}" for name, (dtype, shape) in tensors.items()) or "no state"


def _scattered(old: np.ndarray, rows: list[int], new: np.ndarray) -> np.ndarray:
    value = old.copy()
    value[rows] = new
    return value
