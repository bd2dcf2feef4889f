"""The best sequence of labels of a linear chain (Viterbi 1967), from pairwise scores alone."""

from __future__ import annotations

import numpy as np


def viterbi(scores: np.ndarray) -> np.ndarray:
    """scores [T (L+1) L]: row i, column j is the score of label j at t after label i, row L that of starting with j.

    Gives the labels [T] int64 whose scores add up to the most; of equal ones the lower label.
    """
    steps, labels = len(scores), scores.shape[-1]
    if not steps:
        return np.zeros(0, dtype=np.int64)
    scores = np.asarray(scores, dtype=np.float64)
    best = scores[0, labels]  # of all sequences that end in label j: [L]
    came = np.zeros((steps, labels), dtype=np.int64)
    for t in range(1, steps):
        each = best[:, None] + scores[t, :labels]  # [L L]
        came[t] = each.argmax(axis=0)
        best = each.max(axis=0)
    path = np.zeros(steps, dtype=np.int64)
    path[-1] = best.argmax()
    for t in range(steps - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
    return path
