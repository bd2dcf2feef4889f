"""Paired timing: every candidate in turn, round after round, so that a busy machine slows all of them alike.

Each is called once untimed before the call that is timed: caches and allocator are then as it leaves them itself, as
from step to step of a training, and not as the candidate before it left them.

A ratio is the median over rounds of candidate / baseline within one round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timing:
    """Median time of one candidate, and its median ratio to the baseline of the same rounds."""

    name: str
    milliseconds: float
    ratio: float


def compare(
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 15,
    warmup: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timing]:
    """Time each candidate once a round; the first is the baseline. clock: `time.process_time` for what runs on one
    thread of a machine that others use.
    """
    for run in candidates.values():
        for _ in range(warmup):
            run()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            run()
            start = clock()
            run()
            times[name].append((clock() - start) * 1000)
    baseline = times[next(iter(candidates))]
    return [
        Timing(name, statistics.median(own), statistics.median(a / b for a, b in zip(own, baseline, strict=True)))
        for name, own in times.items()
    ]


def train_step(forward: Callable[[], torch.Tensor], parameters: list[torch.nn.Parameter]) -> Callable[[], None]:
    """Forward, and backward from a given gradient: no loss, which all would pay alike. Gradients are dropped."""
    with torch.no_grad():
        grad = torch.randn_like(forward())

    def run() -> None:
        forward().backward(grad)  # type: ignore[no-untyped-call]
        for parameter in parameters:
            parameter.grad = None

    return run


def inference(forward: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """Forward without gradients."""

    def run() -> torch.Tensor:
        with torch.no_grad():
            return forward()

    return run
