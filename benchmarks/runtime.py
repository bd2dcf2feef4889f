"""The Python runtime against onnxruntime alone, and many live streams on one core.

.venv/bin/python benchmarks/runtime.py [--seconds 300] [--bundle DIR]

push    one streamed frame through `Stream.push`, checks and all, against a bare `session.run` that is handed its arrays
        ready made and keeps the states; median of paired ratios.  At most 1.3.
pool    500 streams, each a frame every 10 ms at its own phase, through one `Pool` on one core that pushes them too;
        latency from the moment a frame is due until the step that ran it is done. 99 % under 20 ms, memory flat. Of a
        GRU of 64 over 40 columns; `core` is the share of it that was busy.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seqhub.cli.output import print_table
from seqhub.runtime import Model, load

RATIO, P99_MS, GROWTH_MB = 1.3, 20.0, 4.0
STREAMS, PERIOD, TICK = 500, 0.010, 0.005  # seconds
COLUMNS, HIDDEN = 40, 64
_BINS, _BIN_MS = 200_000, 0.01


def export(folder: Path) -> dict[str, Path]:
    """Two small models of 40 columns, random weights."""
    import torch

    from seqhub.export import export_bundle
    from seqhub.nn import Chain, Ends, Recurrent, Residual, SequenceLayer, SequenceModel
    from seqhub_attention.local import LocalAttention
    from seqhub_cells.gru import GRUCell
    from seqhub_conv.conv1d import Conv1d

    torch.manual_seed(0)
    torch.set_num_threads(1)
    ends = Ends(
        features=tuple(f"column{i}" for i in range(COLUMNS)),
        outputs=(4,),
        output_names=tuple(f"class{i}" for i in range(4)),
        input_shift=(0.0,) * COLUMNS,
        input_scale=(1.0,) * COLUMNS,
        output_shift=(0.0,) * 4,
        output_scale=(1.0,) * 4,
    )
    models: dict[str, list[SequenceLayer]] = {
        "gru": [Recurrent(GRUCell(HIDDEN, hidden=HIDDEN))],
        "conv-gru-attention": [
            Conv1d(HIDDEN, channels=HIDDEN, kernel=5),
            Recurrent(GRUCell(HIDDEN, hidden=HIDDEN)),
            Residual(LocalAttention(HIDDEN, heads=4, window=16)),
        ],
    }
    found = {}
    for name, layers in models.items():
        chain = Chain(HIDDEN, {f"block{i}": layer for i, layer in enumerate(layers)})
        task = {"type": "classify", "labels": list(ends.output_names)}
        model = SequenceModel(ends, chain)
        export_bundle(model, ends, task, {}, folder / name, name=name, graphs=("stream",))
        found[name] = folder / name
    return found


def push_against_raw(model: Model, frames: int = 4000) -> tuple[float, float, float]:
    """Median microseconds of a bare run and of a push, and the median of their paired ratios."""
    stream, graph = model.stream(), model.graphs["stream"]
    frame = np.random.default_rng(0).standard_normal((1, len(model.features))).astype(np.float32)
    names = [state.input for state in graph.states]
    outputs = [tensor.name for tensor in graph.info.outputs]
    feeds = {"x": frame[None], "lengths": np.array([1]), **graph.initial_state(1)}
    if graph.takes_end:
        feeds["end"] = np.zeros(1, dtype=bool)
    raw_us, push_us = [], []
    for _ in range(frames):
        start = time.perf_counter_ns()
        _, _, *after = graph.session.run(outputs, feeds)
        feeds.update(zip(names, after, strict=True))
        between = time.perf_counter_ns()
        stream.push(frame)
        push_us.append((time.perf_counter_ns() - between) / 1000)
        raw_us.append((between - start) / 1000)
    ratios = [a / b for a, b in zip(push_us[100:], raw_us[100:], strict=True)]
    return statistics.median(raw_us), statistics.median(push_us), statistics.median(ratios)


class Load:
    """Frames that are due, and the latency of each. p99_ms and the like after `run`."""

    def __init__(self, model: Model) -> None:
        source = np.random.default_rng(0)
        self.pool = model.pool(STREAMS)
        self.streams = [self.pool.open() for _ in range(STREAMS)]
        self.phases = np.sort(source.random(STREAMS)) * PERIOD
        self.frames = source.standard_normal((64, 1, len(model.features))).astype(np.float32)
        self.histogram = np.zeros(_BINS, dtype=np.int64)
        self.memory: list[float] = []
        self.steps = self.sent = 0

    def run(self, seconds: float) -> None:
        """Push what is due, step, wait for the next tick where there is time left."""
        start = time.perf_counter()
        total, told = int(seconds / PERIOD) * STREAMS, 0.0
        while self.sent < total:
            now = time.perf_counter() - start
            if now - told > 1:
                self.memory.append(resident_mb())
                told = now
            first = self.sent
            while self.sent < total and self._due(self.sent) <= now:
                self.pool.push(self.streams[self.sent % STREAMS], self.frames[self.sent % 64])
                self.sent += 1
            self.pool.step()
            self.steps += 1
            done = time.perf_counter() - start
            turns = np.arange(first, self.sent)
            late_ms = (done - turns // STREAMS * PERIOD - self.phases[turns % STREAMS]) * 1000
            self.histogram += np.bincount(np.minimum(late_ms / _BIN_MS, _BINS - 1).astype(int), minlength=_BINS)
            time.sleep(max(0.0, now + TICK - (time.perf_counter() - start)))

    def _due(self, turn: int) -> float:
        return float(turn // STREAMS * PERIOD + self.phases[turn % STREAMS])

    def quantile_ms(self, share: float) -> float:
        """The latency that this share of the frames stayed under."""
        return float(np.searchsorted(self.histogram.cumsum(), share * self.histogram.sum()) + 1) * _BIN_MS

    def growth_mb(self) -> float:
        """Of memory between the second fifth of the time and the last."""
        fifth = max(len(self.memory) // 5, 1)
        return statistics.median(self.memory[-fifth:]) - statistics.median(self.memory[fifth : 2 * fifth])


def resident_mb() -> float:
    """MB of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def measure(bundle: Path, seconds: float) -> int:
    """Both measurements of one bundle, on one core; 1 where one misses its bar. seconds 0: no pool."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = load(bundle)
    raw, push, ratio = push_against_raw(model)
    print_table(["push", "raw us", "push us", "ratio", "at most"], [[bundle.name, raw, push, ratio, RATIO]])
    if not seconds:
        return int(ratio > RATIO)
    live = Load(model)
    live.run(min(1.0, seconds))  # the first batches make their arrays
    live = Load(model)
    before = time.process_time()
    live.run(seconds)
    busy = (time.process_time() - before) / seconds
    p50, p99, growth = live.quantile_ms(0.5), live.quantile_ms(0.99), live.growth_mb()
    headers = ["pool", "streams", "frames", "rows a run", "50 % ms", "99 % ms", "below", "core", "grew MB", "below"]
    rows_a_run = live.sent / live.steps
    print_table(headers, [[bundle.name, STREAMS, live.sent, rows_a_run, p50, p99, P99_MS, busy, growth, GROWTH_MB]])
    return int(ratio > RATIO or p99 >= P99_MS or growth >= GROWTH_MB)


def main() -> int:
    parser = argparse.ArgumentParser(description="The runtime against onnxruntime alone, and a pool under load.")
    parser.add_argument("--seconds", type=float, default=20, help="that the pool runs (default: 20)")
    parser.add_argument("--bundle", type=Path, help="a bundle of yours with a stream graph over numbers")
    given = parser.parse_args()
    if given.bundle:
        return measure(given.bundle, given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        missed = 0
        for name, bundle in export(Path(folder)).items():  # each in a process without torch
            seconds = given.seconds if name == "gru" else 0
            words = [sys.executable, __file__, "--bundle", str(bundle), "--seconds", str(seconds)]
            missed |= subprocess.run(words, check=False).returncode
    return missed


if __name__ == "__main__":
    sys.exit(main())
