"""Metrics of numbers, in raw units: answers and truth `[N K]`, batch by batch; averaged over the K columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from seqhub.api import Use


class Metric(Protocol):
    """What a `seqhub.api.MetricSpec` of numbers builds."""

    def update(self, answer: Tensor, truth: Tensor) -> None:
        """Add answers and truth [N K], in raw units."""
        ...

    def compute(self) -> float:
        """The number so far."""
        ...


def build_metrics(named: Sequence[Use | str]) -> dict[str, Metric]:
    """Fresh metrics by name; a bare name is one of `PLAIN`. ValueError where it is not."""
    found: dict[str, Metric] = {}
    for item in named:
        if isinstance(item, Use):
            found[item.spec.name] = item.build()
        elif item in PLAIN:
            found[item] = PLAIN[item]()
        else:
            raise ValueError(f"there is no metric {item!r} here; there are {', '.join(PLAIN)}")
    return found


class MaxError:
    """The largest |p - y|."""

    def __init__(self) -> None:
        self._largest: Tensor | None = None

    def update(self, answer: Tensor, truth: Tensor) -> None:
        worst = (answer - truth).abs().amax(dim=0)  # [K]
        self._largest = worst if self._largest is None else torch.maximum(self._largest, worst)

    def compute(self) -> float:
        return float("nan") if self._largest is None else float(self._largest.mean())


class Bias:
    """|mean of p - y|: how far the answers lie to one side."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def update(self, answer: Tensor, truth: Tensor) -> None:
        self._sum += float((answer - truth).double().sum())
        self._count += truth.numel()

    def compute(self) -> float:
        return abs(self._sum) / self._count if self._count else float("nan")


class Smape:
    """2 |p - y| / (|p| + |y|) in per cent, averaged: 0 to 200; two zeros agree (Makridakis 1993, as in the M4)."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def update(self, answer: Tensor, truth: Tensor) -> None:
        size = answer.abs() + truth.abs()
        apart = 200 * (answer - truth).abs() / torch.where(size > 0, size, torch.ones_like(size))
        self._sum += float(apart.double().sum())
        self._count += truth.numel()

    def compute(self) -> float:
        return self._sum / self._count if self._count else float("nan")


class Angle:
    """Root mean square of the angle between p and y, vectors of the K columns, in degrees; lengths do not count."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def update(self, answer: Tensor, truth: Tensor) -> None:
        p, y = (torch.nn.functional.normalize(values.double(), dim=-1) for values in (answer, truth))
        # the half angle by its tangent: an arc cosine loses half of the digits near zero
        angle = 2 * torch.atan2((p - y).norm(dim=-1), (p + y).norm(dim=-1))
        self._sum += float(torch.rad2deg(angle).square().sum())
        self._count += len(angle)

    def compute(self) -> float:
        return math.sqrt(self._sum / self._count) if self._count else float("nan")


PLAIN: dict[str, type[Metric]] = {"max-error": MaxError, "bias": Bias, "smape": Smape, "angle": Angle}
