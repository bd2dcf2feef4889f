"""What a distribution minimises: its negative log-likelihood; quantiles the pinball loss. In standard units.

Twice the pinball loss, each level for the probabilities nearest to it, approaches the CRPS (Gneiting and Raftery 2007,
section 4.2). Shapes: P parameters, K targets.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, NegativeBinomial, Normal, StudentT

from seqhub.runtime.spread import level_shares


def spread_loss(kind: str, levels: tuple[float, ...], y: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """One loss for each number, in nats or standard deviations: y [... P K] and truth [... K] raw, scale [... K]."""
    if kind == "quantiles":
        short = (truth.unsqueeze(-2) - y) / scale.unsqueeze(-2)
        tau = torch.tensor(levels, device=y.device, dtype=y.dtype)[:, None]
        shares = torch.tensor(level_shares(levels), device=y.device, dtype=y.dtype)[:, None]
        return 2 * (shares * torch.maximum(tau * short, (tau - 1) * short)).sum(dim=-2)
    if kind == "negative-binomial":
        mean, dispersion = y.unbind(dim=-2)
        counts = NegativeBinomial(1 / dispersion, logits=torch.log(mean * dispersion), validate_args=False)
        return _surprise(counts, truth)
    at, wide = (truth - y[..., 0, :]) / scale, y[..., 1, :] / scale
    if kind == "gaussian":
        return _surprise(Normal(torch.zeros_like(at), wide, validate_args=False), at)
    degrees = y[..., 2, :]
    return _surprise(StudentT(degrees, torch.zeros_like(at), wide, validate_args=False), at)


def _surprise(law: Distribution, truth: Tensor) -> Tensor:
    """Negative log-likelihood, in nats."""
    likely: Tensor = law.log_prob(truth)
    return -likely
