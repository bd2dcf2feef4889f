"""A pool used at random: streams open, push ragged chunks, snapshot, restore, flush, reset and close, and each one's
outputs are those of its whole sequence.

What a stream must have given is known from the steps that it was pushed, by the full graph; a restore takes the steps
and the outputs back to where they were.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from seqhub.runtime import Model, Pool, Snapshot

CHANCES = {
    "push": 0.55,
    "step": 0.3,
    "open": 0.05,
    "snapshot": 0.03,
    "restore": 0.03,
    "flush": 0.02,
    "reset": 0.01,
    "close": 0.01,
}


@dataclass
class Track:
    """One sequence of a stream so far: what went in, and what came out."""

    pushed: list[np.ndarray] = field(default_factory=list)
    given: list[np.ndarray] = field(default_factory=list)

    def copy(self) -> Track:
        return replace(self, pushed=list(self.pushed), given=list(self.given))


@dataclass
class Soak:
    """operations: how often each was done.  worst: the largest difference from a whole sequence, over its largest
    number where that is above 1.
    """

    model: Model
    limit: int
    longest: int = 60  # steps of a sequence
    seed: int = 0

    def __post_init__(self) -> None:
        self.source = np.random.default_rng(self.seed)
        self.pool: Pool = self.model.pool(self.limit, most=16)
        self.tracks: dict[int, Track] = {}
        self.kept: dict[int, tuple[Snapshot, Track]] = {}  # by the stream that it is of
        self.operations = dict.fromkeys(CHANCES, 0)
        self.checked, self.worst = 0, 0.0
        scaling, self.vocabulary = self.model.manifest.raw["scaling"], self.model.manifest.vocabulary
        self.shift, self.scale = (np.asarray(scaling[key]) for key in ("input_shift", "input_scale"))

    def run(self, seconds: float, memory: list[float] | None = None) -> None:
        """Go on for so long; memory: takes the resident megabytes, about each second."""
        ends, told = time.monotonic() + seconds, 0.0
        while (now := time.monotonic()) < ends:
            for _ in range(20):
                self.act()
            if memory is not None and now - told > 1:
                memory.append(resident_mb())
                told = now
        for stream in list(self.tracks):
            self.end(stream)

    def act(self) -> None:
        """One operation, or a step."""
        name = str(self.source.choice(list(CHANCES), p=list(CHANCES.values())))
        if name == "step":
            self.step()
        elif name == "open" or not self.tracks:
            self.open()
        else:
            getattr(self, name)(int(self.source.choice(list(self.tracks))))

    def open(self) -> None:
        if len(self.pool) < self.limit:
            self.tracks[self.pool.open()] = Track()
            self.operations["open"] += 1

    def push(self, stream: int) -> None:
        track = self.tracks[stream]
        if sum(map(len, track.pushed)) > self.longest:
            self.end(stream)
            return
        chunk = self.steps(int(self.source.choice([0, 1, 1, 1, 2, 3, 7, 30])))
        self.pool.push(stream, chunk)
        track.pushed.append(chunk)
        self.operations["push"] += 1

    def step(self) -> None:
        for stream, y in self.pool.step().items():
            self.tracks[stream].given.append(y)
        self.operations["step"] += 1

    def snapshot(self, stream: int) -> None:
        self.kept[stream] = (self.pool.snapshot(stream), self.tracks[stream].copy())
        self.operations["snapshot"] += 1

    def restore(self, stream: int) -> None:
        """Any snapshot into any stream."""
        if self.kept:
            snapshot, track = self.kept[int(self.source.choice(list(self.kept)))]
            self.pool.restore(stream, snapshot)
            self.tracks[stream] = track.copy()
            self.operations["restore"] += 1

    def flush(self, stream: int) -> None:
        self.end(stream)
        self.operations["flush"] += 1

    def reset(self, stream: int) -> None:
        self.pool.reset(stream)
        self.tracks[stream] = Track()
        self.operations["reset"] += 1

    def close(self, stream: int) -> None:
        if self.source.random() < 0.5:
            self.end(stream)
        self.pool.close(stream)
        del self.tracks[stream]
        self.kept.pop(stream, None)
        self.operations["close"] += 1

    def end(self, stream: int) -> None:
        """End the stream's sequence, and compare all that it gave with the whole."""
        self.pool.flush(stream)
        while self.pool.busy:
            self.step()
        track, self.tracks[stream] = self.tracks[stream], Track()
        if not track.pushed or not (x := np.concatenate(track.pushed)).size:
            return
        (expected,) = self.model.outputs([x])
        found = np.concatenate([np.empty_like(expected[:0]), *track.given])
        if expected.shape != found.shape:
            raise ValueError(f"{len(found)} output steps came from {len(x)} steps, the whole gives {len(expected)}")
        difference = np.abs(found.astype(np.float64) - expected).max(initial=0)
        self.worst = max(self.worst, float(difference / max(1, np.abs(expected).max(initial=0))))
        self.checked += 1

    def steps(self, count: int) -> np.ndarray:
        if self.vocabulary:
            return self.source.integers(0, self.vocabulary, (count, len(self.vocabulary)))
        return (self.shift + self.scale * self.source.standard_normal((count, len(self.shift)))).astype(np.float32)


def resident_mb() -> float:
    """MB of this process in memory now."""
    fields = Path("/proc/self/status").read_text().split()
    return int(fields[fields.index("VmRSS:") + 1]) / 1024
