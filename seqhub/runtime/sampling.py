"""The next token out of its scores.

temperature   scores are divided by it: below 1 the likely become likelier; 0 takes the likeliest
top_k         only the k likeliest stay
top_p         only the smallest set of likeliest tokens that holds this share stays (nucleus, arXiv:1904.09751)

They act in this order, and what stays is scaled to one. Of equally likely tokens the lower id comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqhub.errors import BundleError


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn. Raises BundleError E720 for a number out of range."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise _out_of_range("temperature", self.temperature, "0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise _out_of_range("top_k", self.top_k, "1 or more")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise _out_of_range("top_p", self.top_p, "0 to 1")

    def probabilities(self, scores: np.ndarray, forbidden: Sequence[int] = ()) -> np.ndarray:
        """Scores [V] -> probabilities [V] float64, 0 for what is forbidden or left out."""
        scores = np.array(scores, dtype=np.float64)
        scores[list(forbidden)] = -np.inf
        order = np.argsort(-scores, kind="stable")
        if self.temperature == 0:
            return np.asarray(np.arange(len(scores)) == order[0], dtype=np.float64)
        with np.errstate(over="ignore"):  # a tiny temperature makes all but the likeliest infinitely unlikely
            powers = np.exp((scores - scores[order[0]]) / self.temperature)
        if self.top_k is not None:
            powers[order[self.top_k :]] = 0
        if self.top_p is not None:
            before = np.cumsum(powers[order]) - powers[order]  # of all tokens that are likelier
            left_out = before >= self.top_p * powers.sum()
            left_out[0] = False  # one stays, however small the share
            powers[order[left_out]] = 0
        return np.asarray(powers / powers.sum())

    def draw(self, scores: np.ndarray, source: np.random.Generator, forbidden: Sequence[int] = ()) -> int:
        """One token's id."""
        probabilities = self.probabilities(scores, forbidden)
        return int(source.choice(len(probabilities), p=probabilities))


def _out_of_range(name: str, value: float, expected: str) -> BundleError:
    return BundleError(f"{name} is {value:g}, expected {expected}", fix=f"give {name} {expected}", code="E720")
