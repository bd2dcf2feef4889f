"""Losses of numbers: prediction and target `[... K]` in units of one standard deviation, one loss for each number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.api import Use

Loss = Callable[[Tensor, Tensor], Tensor]  # what a `seqhub.api.LossSpec` of numbers builds


def build_loss(named: Use | str) -> Loss:
    """The loss that an option names; a bare name is one of `PLAIN`. ValueError where it is not."""
    if isinstance(named, Use):
        built: Loss = named.build()
        return built
    if named not in PLAIN:
        raise ValueError(f"there is no loss {named!r} here; there are {', '.join(PLAIN)}")
    return PLAIN[named]()


class SquaredError:
    """(p - y)^2."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).square()


class AbsoluteError:
    """|p - y|."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).abs()


class Huber:
    """e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2), with e = p - y (Huber 1964)."""

    def __init__(self, *, delta: float = 1.0) -> None:
        self.delta = delta

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(prediction, target, reduction="none", delta=self.delta)


class LogCosh:
    """log cosh e, with e = p - y: e^2 / 2 for small errors, |e| - log 2 for large ones, smooth everywhere."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = (prediction - target).abs()
        # log cosh e = |e| + log(1 + exp(-2|e|)) - log 2: cosh itself would overflow at 90
        return error + torch.log1p(torch.exp(-2 * error)) - 0.6931471805599453


PLAIN: dict[str, Callable[[], Loss]] = {"mse": SquaredError, "mae": AbsoluteError, "huber": Huber, "log-cosh": LogCosh}
