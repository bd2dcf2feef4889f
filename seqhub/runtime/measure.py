"""How long the graphs of a bundle take on this machine, and with how many threads they should run.

Every thread setting has a session of its own, and they take turns run by run, so that a busy machine slows all of them
alike. Shapes: B rows, T steps.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.runtime.checks import random_sequences
from seqhub.runtime.manifest import FLOAT32
from seqhub.runtime.model import Model
from seqhub.runtime.opening import load
from seqhub.runtime.seq2seq import Translator

GAIN = 1.05  # more threads are taken where they are faster by this: they keep other cores from other work
_LEAST = 5  # runs of each setting

Run = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One graph on one shape."""

    graph: str
    rows: int
    steps: int


@dataclass(frozen=True)
class Timing:
    """One case with so many threads. per_second: steps of all rows together, at the median."""

    graph: str
    rows: int
    steps: int
    threads: int
    runs: int
    median_us: float
    p99_us: float
    per_second: float

    @property
    def case(self) -> Case:
        return Case(self.graph, self.rows, self.steps)


@dataclass(frozen=True)
class Choice:
    """The number of threads for a case. gain: how many times as fast as one thread."""

    case: Case
    threads: int
    gain: float


def thread_settings(cores: int) -> tuple[int, ...]:
    """1, 2, 4 and so on up to the cores, and all of them."""
    powers = [2**i for i in range(cores.bit_length()) if 2**i <= cores]
    return tuple(sorted({*powers, cores}))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cases_of(model: Model, batches: Sequence[int], chunks: Sequence[int], steps: int) -> list[Case]:
    """Whole sequences of `steps` steps for the graphs that read them, chunks for the others; a chunk is rounded up to
    whole blocks. A decoder takes one token a row.
    """
    block = model.manifest.block
    whole = [(role, _blocks(steps, block)) for role in ("full", "encoder") if role in model.graphs]
    sizes = dict.fromkeys(_blocks(chunk, block) for chunk in chunks)
    parts = [("stream", size) for size in sizes] if "stream" in model.graphs else []
    token = [("decoder_step", 1)] if "decoder_step" in model.graphs else []
    return [Case(role, rows, size) for role, size in (*whole, *parts, *token) for rows in batches]


def measure(
    folder: Path,
    *,
    batches: Sequence[int] = (1, 16, 64),
    chunks: Sequence[int] = (1, 16),
    steps: int = 128,
    threads: Sequence[int] = (),
    seconds: float = 0.3,
    precision: str = FLOAT32,
) -> list[Timing]:
    """Every case with every number of threads (by default `thread_settings`), `seconds` for each of them.

    Raises BundleError where the bundle cannot be loaded.
    """
    settings = tuple(threads) or thread_settings(cores())
    models = {count: load(folder, threads=count, precision=precision) for count in settings}
    found: list[Timing] = []
    for case in cases_of(models[settings[0]], batches, chunks, steps):
        runs = {count: _run_of(model, case) for count, model in models.items()}
        for count, times in _in_turns(runs, seconds).items():
            median = statistics.median(times)
            p99 = float(np.quantile(times, 0.99))
            rate = case.rows * case.steps / median * 1e6
            found.append(Timing(case.graph, case.rows, case.steps, count, len(times), median, p99, rate))
    return found


def choose(timings: Iterable[Timing]) -> list[Choice]:
    """For each case the fastest number of threads; of those that differ by less than `GAIN`, the smallest."""
    cases: dict[Case, list[Timing]] = {}
    for timing in timings:
        cases.setdefault(timing.case, []).append(timing)
    return [_choice(case, sorted(own, key=lambda timing: timing.threads)) for case, own in cases.items()]


def _choice(case: Case, own: list[Timing]) -> Choice:
    best = own[0]
    for timing in own[1:]:
        if timing.median_us * GAIN < best.median_us:
            best = timing
    return Choice(case, best.threads, own[0].median_us / best.median_us)


def _blocks(steps: int, block: int) -> int:
    return -(-steps // block) * block


def _run_of(model: Model, case: Case) -> Run:
    """One run of the graph on full rows, from the state before the first step."""
    graph, lengths = model.graphs[case.graph], np.full(case.rows, case.steps, dtype=np.int64)
    if case.graph == "decoder_step" and isinstance(model, Translator):
        memory, memory_lengths = model.encode(*_input(model, case.rows, 128))
        state = graph.initial_state(case.rows, memory.shape[1])
        tokens = np.full((case.rows, 1), model.begin, dtype=np.int64)
        return lambda: model.decode(tokens, state, memory, memory_lengths)
    x, first = _input(model, case.rows, case.steps)[0], graph.initial_state(case.rows)
    going_on = np.zeros(case.rows, dtype=bool)
    return lambda: graph.run(x, lengths, first, going_on)


def _input(model: Model, rows: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """x [B T D] in the range of the model's inputs, lengths [B]."""
    block, source = model.manifest.block, np.random.default_rng(0)
    pieces, steps = np.concatenate(random_sequences(model, 8, source)), _blocks(steps, block)
    return np.resize(pieces, (rows, steps, pieces.shape[1])), np.full(rows, steps, dtype=np.int64)


def _in_turns(runs: dict[int, Run], seconds: float) -> dict[int, list[float]]:
    """Microseconds of each setting's runs, one after the other until each has had its time."""
    times: dict[int, list[float]] = {count: [] for count in runs}
    for run in runs.values():
        run()  # the first allocates
    ends = time.perf_counter() + seconds * len(runs)
    while time.perf_counter() < ends or min(map(len, times.values())) < _LEAST:
        for count, run in runs.items():
            start = time.perf_counter()
            run()
            times[count].append((time.perf_counter() - start) * 1e6)
    return times
