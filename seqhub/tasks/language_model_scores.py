"""How well a text is predicted, token by token.

nats                 mean of -log P over the tokens
perplexity           exp(nats)
bits_per_character   bits that the tokens take, over the characters of the text that they stand for: comparable between
                     vocabularies
"""

from __future__ import annotations

import math

from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.data.token_file import TokenFile
from seqhub.tasks.streams import chunk_of


class LanguageModelScores:
    """Sums over tokens; the characters of a token are those of its split on average, so exact over a whole split."""

    def __init__(self, file: TokenFile) -> None:
        self.file = file
        self._nats, self._tokens, self._characters = 0.0, 0, 0.0

    def update(self, answer: list[Tensor], batch: Batch) -> None:
        """answer: -log P of each target, [T_i] a row."""
        tokens = sum(len(row) for row in answer)
        self._nats += sum(float(row.double().sum()) for row in answer)
        self._tokens += tokens
        self._characters += tokens * self._characters_a_token(chunk_of(int(batch.index[0])).first)

    def compute(self) -> dict[str, float]:
        nats = self._nats / max(1, self._tokens)
        return {
            "nats": nats,
            "perplexity": math.exp(min(nats, 700.0)),  # a diverged model is no reason to overflow
            "bits_per_character": self._nats / math.log(2) / max(1.0, self._characters),
        }

    def _characters_a_token(self, position: int) -> float:
        split = next(split for split, part in self.file.parts.items() if position < part.stop)
        return self.file.characters[split] / len(self.file.parts[split])
