"""How many tags, and how many spans, are right.

accuracy   share of words with the right tag
f1         bio: of whole spans, right in label, first and last word (the CoNLL-2003 measure, from counts over all
           sentences), with its precision and recall; none: F1 of each tag, averaged over the tags
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.runtime.text_answers import spans_of


class TagScores:
    """Sums over sentences."""

    def __init__(self, labels: Sequence[str], *, spans: bool) -> None:
        self.labels, self.spans = labels, spans
        self._pairs = torch.zeros(len(labels), len(labels), dtype=torch.int64)  # rows: truth, columns: answer
        self._right, self._answered, self._true = 0, 0, 0

    def update(self, answer: list[Tensor], batch: Batch) -> None:
        """answer: positions of labels, [T_i] a sentence."""
        for row, (guess, length) in enumerate(zip(answer, batch.lengths.tolist(), strict=True)):
            truth, classes = batch.target[row, :length].cpu(), len(self.labels)
            self._pairs += torch.bincount(truth * classes + guess, minlength=classes**2).reshape(classes, classes)
            if self.spans:
                true, found = (set(spans_of([self.labels[i] for i in tags.tolist()])) for tags in (truth, guess))
                self._right += len(true & found)
                self._answered += len(found)
                self._true += len(true)

    def compute(self) -> dict[str, float]:
        accuracy = float(self._pairs.trace()) / max(1, int(self._pairs.sum()))
        if self.spans:
            precision, recall = self._right / max(1, self._answered), self._right / max(1, self._true)
            f1 = 2 * self._right / max(1, self._answered + self._true)
            return {"accuracy": accuracy, "f1": f1, "precision": precision, "recall": recall}
        right, both = self._pairs.diag(), self._pairs.sum(dim=0) + self._pairs.sum(dim=1)
        there = both > 0  # a tag that neither truth nor answer has counts for nothing
        return {"accuracy": accuracy, "f1": float((2 * right[there] / both[there]).mean())}
