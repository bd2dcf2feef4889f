"""How many labels are right, and how much the probabilities can be believed.

accuracy, macro_f1   as for every classification
ece                  expected calibration error: the gap between probability and share of right answers, over 15 bins of
                     the likeliest label's probability (Guo et al. 2017, arXiv:1706.04599)
"""

from __future__ import annotations

from torch import Tensor
from torchmetrics.classification import MulticlassCalibrationError

from seqhub.data.batch import Batch
from seqhub.tasks.classify_scores import ClassifyScores


class TextClassifyScores:
    """Scores over `classes` labels."""

    def __init__(self, classes: int) -> None:
        self._labels = ClassifyScores(classes)
        self._calibration = MulticlassCalibrationError(classes, n_bins=15, norm="l1")

    def update(self, answer: Tensor, batch: Batch) -> None:
        """answer: logits [B C]."""
        self._labels.update(answer, batch)
        self._calibration.update(answer.cpu().float().softmax(dim=-1), batch.target.cpu())

    def compute(self) -> dict[str, float]:
        return {**self._labels.compute(), "ece": float(self._calibration.compute())}
