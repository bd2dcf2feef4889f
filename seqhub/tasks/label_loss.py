"""Cross entropy of labels, each of which may weigh the same however rare it is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqhub.data.splits import Indices


def balanced_weights(classes: Indices, labels: int) -> Tensor:
    """[labels]: items / (labels * items of the label), of the training items' classes."""
    counts = np.bincount(classes, minlength=labels)
    return torch.from_numpy(counts.sum() / (labels * np.maximum(counts, 1))).float()


def label_loss(logits: Tensor, target: Tensor, weights: Tensor | None, smoothing: float) -> tuple[Tensor, Tensor]:
    """Sum in nats and count over logits [B C]; with weights [C] their weighted sum over the sum of the weights."""
    if weights is None:
        total = functional.cross_entropy(logits, target, reduction="sum", label_smoothing=smoothing)
        return total, torch.tensor(len(target), device=logits.device)
    weights = weights.to(logits.device)
    total = functional.cross_entropy(logits, target, weights, reduction="sum", label_smoothing=smoothing)
    return total, weights[target].sum()
