"""What a model that writes answers with: a text, and how sure the search is of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """text: of the ids, '' where seqhub does not bring their tokeniser.  log_p: natural logarithm of its probability.
    score: log_p over the length penalty, what the search sorts by.
    """

    text: str
    ids: tuple[int, ...]
    log_p: float
    score: float


@dataclass(frozen=True)
class Translation:
    """The likeliest text, and the candidates that were asked for, likeliest first."""

    candidates: tuple[Candidate, ...]

    @property
    def text(self) -> str:
        return self.candidates[0].text

    @property
    def ids(self) -> tuple[int, ...]:
        return self.candidates[0].ids

    @property
    def score(self) -> float:
        return self.candidates[0].score

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        rest = [{"text": one.text, "score": one.score} for one in self.candidates[1:]]
        return {"text": self.text, "score": self.score, **({"others": rest} if rest else {})}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header, and one row for each candidate."""
        return ["text", "score"], [[one.text, one.score] for one in self.candidates]
