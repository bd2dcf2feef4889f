"""How long the graphs take on this machine: a line for the model card, not a benchmark."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from seqhub.runtime.model import Model
from seqhub.runtime.seq2seq import Translator

SEQUENCE_STEPS = 128


def measure(model: Model, chunk: int | None = None) -> dict[str, float]:
    """Median microseconds, one row, one thread: `full` for a sequence of 128 steps, `stream` for `chunk` steps, one
    block by default.
    """
    found: dict[str, float] = {}
    if isinstance(model, Translator):
        return _measure_writing(model)
    width, dtype = len(model.features), model.manifest.dtype
    if "full" in model.graphs:
        steps = np.zeros((SEQUENCE_STEPS, width), dtype)
        found["full"] = _median_us(lambda: model.outputs([steps]), runs=20)
    if "stream" in model.graphs:
        stream, piece = model.stream(), np.zeros((chunk or model.manifest.block, width), dtype)
        found["stream"] = _median_us(lambda: stream.push(piece), runs=100)
    return found


def _measure_writing(model: Translator) -> dict[str, float]:
    """`encoder` for a source of 128 steps, `decoder_step` for one more token of one hypothesis over it."""
    x = np.zeros((1, SEQUENCE_STEPS, len(model.features)), model.manifest.dtype)
    memory, lengths = model.encode(x, np.array([SEQUENCE_STEPS]))
    state = model.graphs["decoder_step"].initial_state(1, memory.shape[1])
    token = np.array([[model.begin]])
    return {
        "encoder": _median_us(lambda: model.encode(x, np.array([SEQUENCE_STEPS])), runs=20),
        "decoder_step": _median_us(lambda: model.decode(token, state, memory, lengths), runs=100),
    }


def _median_us(call: Callable[[], object], *, runs: int) -> float:
    times: list[float] = []
    for _ in range(runs + 3):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times[3:])  # the first runs allocate
