"""How much of a text is wrong.

wer   words to insert, delete or replace, per word that was said; above 1 where more is written than said
cer   the same for characters
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torchmetrics.text import CharErrorRate, WordErrorRate

from seqhub.data.batch import Batch


class TranscribeScores:
    """Scores of texts; `spell` makes a text of ids."""

    def __init__(self, spell: Callable[[Tensor], str]) -> None:
        self._spell = spell
        self._words, self._characters = WordErrorRate(), CharErrorRate()

    def update(self, answer: list[Tensor], batch: Batch) -> None:
        """answer: the ids of each text."""
        said = [self._spell(row[:n]) for row, n in zip(batch.target, batch.target_lengths.tolist(), strict=True)]
        written = [self._spell(ids) for ids in answer]
        self._words.update(written, said)
        self._characters.update(written, said)

    def compute(self) -> dict[str, float]:
        return {"wer": float(self._words.compute()), "cer": float(self._characters.compute())}
