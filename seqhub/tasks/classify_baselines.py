"""Answers that need no sequence model.

majority          the label that is most common in train
linear-on-means   logistic regression on the mean of each feature over time: what can be told without any order
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqhub.tasks.items import Labelled

_MOST = 20_000  # training sequences for the linear model: enough to fit it, and it stays a matter of seconds


def simple_labels(labelled: Labelled, split: str) -> dict[str, NDArray[np.int64]]:
    """Name to the answers for a split: [N] positions of labels."""
    from sklearn.linear_model import LogisticRegression

    members, train = labelled.splits[split], labelled.splits["train"]
    classes = labelled.classes[train]
    common = int(np.bincount(classes).argmax())
    found = {"majority": np.full(len(members), common)}
    if len(np.unique(classes)) > 1:
        linear = LogisticRegression(max_iter=2000).fit(_means(labelled, train[:_MOST]), classes[:_MOST])
        found["linear-on-means"] = linear.predict(_means(labelled, members))
    return found


def _means(labelled: Labelled, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standardised mean over time: [N D]."""
    means = np.stack([labelled.items[i].mean(axis=0) for i in members])
    return (means - labelled.scaler.shift) / labelled.scaler.scale
