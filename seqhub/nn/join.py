"""Joining the outputs of several layers step by step: side by side, or number by number."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce
from typing import Literal, get_args

import torch
from torch import Tensor, nn

Join = Literal["concat", "sum", "mean", "product"]
Gate = Literal["softmax", "sigmoid"]


def join(ys: Sequence[Tensor], how: Join) -> Tensor:
    """[B T D_i] each -> [B T sum(D_i)] for concat, else [B T D] from equal widths."""
    if how == "concat":
        return torch.cat(list(ys), dim=-1)
    if how == "product":
        return reduce(operator.mul, ys)
    total = reduce(operator.add, ys)
    return total if how == "sum" else total / len(ys)


def joined_width(widths: Sequence[int], how: str) -> int:
    """The width of what is joined; ValueError where the name is unknown, or widths differ that may not."""
    if how not in (*get_args(Join), "gated"):
        raise ValueError(f"merge is {how!r}, expected one of {(*get_args(Join), 'gated')}")
    if how == "concat":
        return sum(widths)
    if len(set(widths)) > 1:
        raise ValueError(f"merge: {how} needs branches of one width, got {list(widths)}")
    return widths[0]


class BranchGate(nn.Module):
    """How much of each branch is let through, from the input of the branches, step by step.

    w = g(W x + b), y = sum_i w_i y_i. softmax: the weights of the branches add up to one. sigmoid: each by itself.
    x [B T D] -> w [B T N].
    """

    def __init__(self, d_in: int, branches: int, kind: Gate) -> None:
        super().__init__()
        if kind not in get_args(Gate):
            raise ValueError(f"gate is {kind!r}, expected one of {get_args(Gate)}")
        self.kind = kind
        self.scores = nn.Linear(d_in, branches)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(x)
        return torch.softmax(scores, dim=-1) if self.kind == "softmax" else torch.sigmoid(scores)


def weighted(ys: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The sum of [B T D] each, times its column of [B T N]."""
    return reduce(operator.add, [y * weights[..., i : i + 1] for i, y in enumerate(ys)])
