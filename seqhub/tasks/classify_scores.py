"""How many labels are right, and how much the probabilities can be believed.

accuracy   share of items whose likeliest label is the true one
macro_f1   F1 of each label, averaged over the labels that occur in truth or answer: a rare label counts as much
ece        expected calibration error: the gap between probability and share of right answers, over 15 bins of the
           likeliest label's probability (Guo et al. 2017, arXiv:1706.04599)
"""

from __future__ import annotations

from torch import Tensor
from torchmetrics.classification import MulticlassCalibrationError, MulticlassF1Score

from seqhub.data.batch import Batch


class ClassifyScores:
    """Scores over `classes` labels."""

    def __init__(self, classes: int) -> None:
        self._right, self._count = 0, 0  # whole numbers: 90 of 100 is 0.9, not the float32 below it
        self._f1 = MulticlassF1Score(classes, average="macro")
        self._calibration = MulticlassCalibrationError(classes, n_bins=15, norm="l1")

    def update(self, answer: Tensor, batch: Batch) -> None:
        """answer: logits [B C]."""
        labels, truth = answer.argmax(dim=-1).cpu(), batch.target.cpu()
        self._right, self._count = self._right + int((labels == truth).sum()), self._count + len(truth)
        self._f1.update(labels, truth)
        self._calibration.update(answer.cpu().float().softmax(dim=-1), truth)

    def compute(self) -> dict[str, float]:
        return {
            "accuracy": self._right / max(self._count, 1),
            "macro_f1": float(self._f1.compute()),
            "ece": float(self._calibration.compute()),
        }
