"""Likelihood of a sequence of labels in a linear chain, from pairwise scores (arXiv:1508.01991, section 2.5).

Shapes: B batch, T steps, L labels. scores [B T L+1 L]: row i, column j is the score of label j after label i; row L is
that of label j at the start.
"""

from __future__ import annotations

import torch
from torch import Tensor


def chain_nats(scores: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    """-log P(labels) of each row [B]: log of the sum over all sequences, less the score of this one.

    labels [B T] int64; what stands behind a row's length is not read. A row of length 0 costs nothing.
    """
    return (_log_partition(scores, lengths) - _score(scores, labels, lengths)) * (lengths > 0)


def _log_partition(scores: Tensor, lengths: Tensor) -> Tensor:
    """Forward algorithm: alpha_t(j) = log of the sum over all beginnings that end in label j at t."""
    classes = scores.shape[-1]
    alpha = scores[:, 0, classes]  # [B L]
    for t in range(1, scores.shape[1]):
        ahead = torch.logsumexp(alpha[:, :, None] + scores[:, t, :classes], dim=1)
        alpha = torch.where((t < lengths)[:, None], ahead, alpha)
    return torch.logsumexp(alpha, dim=1)


def _score(scores: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    batch, steps, rows, classes = scores.shape
    there = torch.arange(steps, device=scores.device) < lengths[:, None]  # [B T]
    known = labels.where(there, 0)
    start = torch.full((batch, 1), rows - 1, device=scores.device)
    before = torch.cat([start, known[:, :-1]], dim=1)
    each = scores.flatten(2).gather(2, (before * classes + known)[..., None]).squeeze(2)  # [B T]
    return (each * there).sum(dim=1)
