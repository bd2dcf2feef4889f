"""The gate of a reduced precision: what it is judged by, and what it must not lose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

PRECISIONS = ("int8", "int8-static", "fp16")
Batches = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


class Refused(Exception):  # an answer of the gate, not a failure
    """Why a precision is not written."""


@dataclass(frozen=True, eq=False)
class Judge:
    """A task's say. score(bundle, precision): every metric on the validation split, empty where there is none.
    metric: the main one.  batches: x [B T D] and lengths [B] of training data, to measure ranges on.
    """

    metric: str
    better: Literal["min", "max"]
    score: Callable[[Path, str], Mapping[str, float]]
    batches: Batches


@dataclass(frozen=True)
class Wanted:
    """What a recipe, or a command line, asks for; see `export.reduced`."""

    precisions: Sequence[str]
    max_drop: float = 0.01
    required: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one precision. facts: as in the manifest, empty where it was not written; reason: why not."""

    precision: str
    written: bool
    reason: str
    facts: Mapping[str, Any]

    def __str__(self) -> str:
        return _written(self.precision, self.facts) if self.written else f"{self.precision}: not written: {self.reason}"


def drop(better: str, before: float, after: float) -> float:
    """How much worse `after` is, as a share of |before|; below zero where it is better, infinite for no number."""
    if not math.isfinite(after) or not math.isfinite(before):
        return math.inf
    worse = after - before if better == "min" else before - after
    if worse <= 0 and before == 0:
        return 0.0
    return worse / abs(before) if before else math.inf


def _written(precision: str, facts: Mapping[str, Any]) -> str:
    metric = facts["metric"]
    change = f"{abs(metric['drop']):.2%} {'worse' if metric['drop'] > 0 else 'better'}"
    parts = [f"{metric['name']} {metric['before']:.4g} -> {metric['after']:.4g} ({change})"]
    for role, size in facts["bytes"].items():
        parts.append(f"{role} {size['before'] / 1024:.0f} -> {size['after'] / 1024:.0f} KiB")
        if role in facts["latency_us"]:
            took = facts["latency_us"][role]
            parts[-1] += f", {took['before']:.0f} -> {took['after']:.0f} us"
    if facts["float32"]:
        left = ", ".join(f"{operator} {count}" for operator, count in facts["float32"].items())
        parts.append(f"weights still float32: {left}")
    return f"{precision}: {'; '.join(parts)}"
