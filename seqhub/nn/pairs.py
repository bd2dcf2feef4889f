"""Complex numbers as pairs (re, im) along the last axis: [... 2]. Complex tensors do not export to ONNX; pairs do."""

from __future__ import annotations

import torch
from torch import Tensor


def multiply(x: Tensor, y: Tensor) -> Tensor:
    """x * y: [... 2], [... 2] -> [... 2]."""
    x_re, x_im, y_re, y_im = x[..., 0], x[..., 1], y[..., 0], y[..., 1]
    return torch.stack((x_re * y_re - x_im * y_im, x_re * y_im + x_im * y_re), dim=-1)


def divide(x: Tensor, y: Tensor) -> Tensor:
    """x / y: [... 2], [... 2] -> [... 2]."""
    norm = y.square().sum(dim=-1, keepdim=True)
    return multiply(x, conjugate(y)) / norm


def conjugate(x: Tensor) -> Tensor:
    """re - i im: [... 2] -> [... 2]."""
    return torch.stack((x[..., 0], -x[..., 1]), dim=-1)


def polar(log_radius: Tensor, angle: Tensor) -> Tensor:
    """exp(log_radius + i angle): [...], [...] -> [... 2]."""
    radius = log_radius.exp()
    return torch.stack((radius * angle.cos(), radius * angle.sin()), dim=-1)


def expm1(log_radius: Tensor, angle: Tensor) -> Tensor:
    """exp(log_radius + i angle) - 1 without cancellation near 0: [...], [...] -> [... 2]."""
    re = torch.expm1(log_radius) * angle.cos() - 2 * (angle / 2).sin().square()
    return torch.stack((re, log_radius.exp() * angle.sin()), dim=-1)


def from_complex(x: Tensor) -> Tensor:
    """A complex tensor [...] as its pairs [... 2]."""
    return torch.view_as_real(x.resolve_conj())
