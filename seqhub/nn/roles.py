"""What the parameters of a cell are for, so that others can choose their first values, or drop recurrent weights.

A cell says so in `roles()`; nothing else about it changes. An LSTM's:

    Role("input", "x_proj.weight", blocks=4)
    Role("recurrent", "h_proj.weight", blocks=4)
    Role("bias", "x_proj.bias")
    Role("forget", "x_proj.bias", rows=(H, 2 * H))
    Role("input-gate", "x_proj.bias", rows=(0, H))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

RoleKind = Literal["input", "recurrent", "diagonal", "bias", "forget", "input-gate"]


@dataclass(frozen=True)
class Role:
    """One parameter, or some rows of it, and what it is for.

    kind:
        input       a matrix or convolution that reads x
        recurrent   a matrix or convolution that reads the state
        diagonal    one recurrent number for each unit
        bias        a whole bias vector
        forget      bias of the gate that keeps the state
        input-gate  bias of the gate that lets a new value in, where that is not 1 - forget
    name: the parameter's name inside the cell.  blocks: gates stacked along its first axis, each drawn by itself.
    rows: the half-open range of its first axis that is meant; None for all.
    write: retention in (0, 1), the share of a unit kept each step at zero input, -> the parameter's value. The default
        suits a bias inside a sigmoid.
    """

    kind: RoleKind
    name: str
    blocks: int = 1
    rows: tuple[int, int] | None = None
    write: Callable[[Tensor], Tensor] = torch.logit


def keeps_the_rest(retention: Tensor) -> Tensor:
    """`write` for a gate that keeps 1 - sigmoid(bias) of the state."""
    return torch.logit(1 - retention)


def is_the_gain(retention: Tensor) -> Tensor:
    """`write` for a parameter that multiplies the state as it is."""
    return retention
