"""How good translations are, all sentences together.

bleu    BLEU of the whole split, 0 to 100 (Papineni et al. 2002), by sacrebleu, so that it can be compared
chrf    chrF2, 0 to 100: character n-grams, beta 2 (Popovic 2015), by sacrebleu
exact   share of the sentences that are the reference, letter for letter
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.tasks.translate_text import PairBatch


class TranslateScores:
    """decode: ids to text.  cut: how BLEU cuts texts into words, as sacrebleu calls it."""

    def __init__(self, decode: Callable[[list[int]], str], cut: str) -> None:
        self._decode, self._cut = decode, cut
        self._found: list[str] = []
        self._references: list[str] = []

    def update(self, answer: Sequence[Tensor] | Sequence[str], batch: Batch) -> None:
        """answer: ids [N] of each row, or its text."""
        if not isinstance(batch, PairBatch):
            raise TypeError(f"translations are scored against a PairBatch, got a {type(batch).__name__}")
        self._found += [one if isinstance(one, str) else self._decode(one.tolist()) for one in answer]
        self._references += batch.references

    def compute(self) -> dict[str, float]:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF

        if not self._found:
            return {"bleu": float("nan"), "chrf": float("nan"), "exact": float("nan")}
        same = sum(one == other for one, other in zip(self._found, self._references, strict=True))
        # `force`: texts that look cut already are no reason to complain, the recipe says how they are cut
        bleu = BLEU(tokenize=self._cut, force=True).corpus_score(self._found, [self._references])
        chrf = CHRF().corpus_score(self._found, [self._references])
        return {"bleu": float(bleu.score), "chrf": float(chrf.score), "exact": same / len(self._found)}
