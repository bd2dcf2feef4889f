"""What the head's numbers become where a model answers with a distribution: parameters that are always legal.

    quantiles           q_m = z_m for the level next to the median; q_i = q_(i-1) + softplus(z_i) above it and
                        q_(i+1) - softplus(z_i) below it, so that quantiles cannot cross
    gaussian            z_0, softplus(z_1)
    student             z_0, softplus(z_1), 2 + softplus(z_2), so that the variance is finite
    negative-binomial   softplus(z_0), softplus(z_1)                   (Salinas et al. 2017, arXiv:1704.04110)

A small constant keeps what is a scale away from zero. Shapes: P parameters, K targets; `...` axes in front.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.nn.ends import Spread

Role = Literal["location", "scale", "shape"]  # moved and scaled with the data, scaled with them, or left as it is
_FLOOR = 1e-4  # in standard units

ROLES: dict[str, tuple[Role, ...]] = {
    "point": ("location",),
    "gaussian": ("location", "scale"),
    "student": ("location", "scale", "shape"),
    "negative-binomial": ("scale", "shape"),
}


def roles(kind: Spread, levels: int) -> tuple[Role, ...]:
    """What each of the P parameters is to the units of the data."""
    if kind != "quantiles":
        return ROLES[kind]
    each: Role = "location"
    return (each,) * levels


def parameters(kind: Spread, levels: tuple[float, ...], z: Tensor) -> Tensor:
    """[... P K] -> [... P K], in standard units."""
    if kind == "point":
        return z
    if kind == "quantiles":
        middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        centre = z[..., middle : middle + 1, :]
        above = functional.softplus(z[..., middle + 1 :, :]).cumsum(dim=-2)
        below = functional.softplus(z[..., :middle, :]).flip(-2).cumsum(dim=-2).flip(-2)
        return torch.cat((centre - below, centre, centre + above), dim=-2)
    first = z[..., :1, :]
    rest = functional.softplus(z[..., 1:, :])
    if kind == "negative-binomial":
        return torch.cat((functional.softplus(first), rest), dim=-2) + _FLOOR
    if kind == "student":
        return torch.cat((first, rest[..., :1, :] + _FLOOR, rest[..., 1:, :] + 2), dim=-2)
    return torch.cat((first, rest + _FLOOR), dim=-2)
