"""What the state-space cells share: spectra, step sizes, and the exact step of a continuous system.

    x'(t) = L x(t) + u(t), u held for a step of length s:   x_(t+s) = exp(s L) x_t + (exp(s L) - 1) / L u_t

A last axis of 2 is (re, im). N is the number of complex states; each stands for itself and its conjugate.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from seqhub.nn.pairs import divide, expm1, polar

Spectrum = Literal["legs", "lin", "inv"]


def zero_order_hold(log_rate: Tensor, frequency: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues -exp(log_rate) + i frequency [N] and steps [... N] -> decay and input gain, [... N 2] each."""
    re, im = -log_rate.exp(), frequency
    gain = divide(expm1(step * re, step * im), torch.stack((re, im), dim=-1))
    return polar(step * re, step * im), gain


def log_uniform(low: float, high: float, *shape: int) -> Tensor:
    """Logarithms of numbers drawn log-uniformly between `low` and `high`."""
    return torch.empty(*shape).uniform_(math.log(low), math.log(high))


def hippo_normal(size: int) -> tuple[Tensor, Tensor]:
    """The normal part of HiPPO-LegS of even `size` 2N: frequencies [N] above 0 and eigenvectors [2N N] complex.

    Its eigenvalues are -1/2 + i frequency and their conjugates (Gu et al. 2022, arXiv:2206.11893, section 3.2).
    """
    root = (torch.arange(size, dtype=torch.float64) + 0.5).sqrt()
    product = torch.outer(root, root)
    skew = product.triu(1) - product.tril(-1)  # the normal matrix is this less I/2
    values, vectors = torch.linalg.eigh(-1j * skew)  # ascending, in pairs of opposite sign
    return values[size // 2 :], vectors[:, size // 2 :]


def s4d_frequencies(spectrum: Spectrum, states: int) -> Tensor:
    """Imaginary parts of S4D's N eigenvalues; the real parts are -1/2 (arXiv:2206.11893, equations 8 and 9)."""
    n = torch.arange(states, dtype=torch.float64)
    if spectrum == "legs":
        return hippo_normal(2 * states)[0]
    size = 2 * states  # the paper's N counts both of a conjugate pair
    return math.pi * n if spectrum == "lin" else size / math.pi * (size / (2 * n + 1) - 1)
