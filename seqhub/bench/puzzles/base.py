"""What a puzzle is: a distribution of sequences, what is to be answered where, and what no memory at all scores.

Shapes: B batch, T time, C columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """A batch of one length.

    x: tokens [B T] or numbers [B T C].  target: classes or numbers [B T], of meaning where `learnt` or `scored`.
    learnt: [B T], the steps that the loss counts.  scored: [B T], the steps that the score counts.
    """

    x: Ints | Floats
    target: Ints | Floats
    learnt: Bools
    scored: Bools


class Puzzle:
    """Sequences of any length from a generator: the same generator, the same sequences."""

    name: ClassVar[str]
    source: ClassVar[str]
    metric: ClassVar[Literal["accuracy", "mse"]] = "accuracy"
    longer: ClassVar[bool] = False  # also scored at lengths that were not trained

    @property
    def tokens(self) -> int:
        """Size of the vocabulary, tokens 0 to tokens - 1; 0 where x holds numbers."""
        return 0

    @property
    def columns(self) -> int:
        """Columns of x where it holds numbers."""
        return 0

    @property
    def classes(self) -> int:
        """Possible answers; 0 where the answer is a number."""
        return 0

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Sample:
        """`batch` sequences of `length` steps, which must be no less than `least_length`."""
        raise NotImplementedError(f"{type(self).__name__} does not define draw")

    def naive(self, length: int) -> float:
        """The score of the best answer that remembers nothing of the sequence."""
        return 1.0 / self.classes

    def least_length(self) -> int:
        """The shortest sequence that holds the puzzle."""
        return 2

    def share(self, score: float, length: int) -> float:
        """How far a score is from the naive answer (0) to the perfect one (1); never below 0."""
        naive = self.naive(length)
        best = 0.0 if self.metric == "mse" else 1.0
        return max(0.0, (score - naive) / (best - naive))


def random_places(rng: np.random.Generator, batch: int, steps: int, count: int) -> Ints:
    """`count` different places in [0, steps), ascending, for each row: [B count]."""
    order = rng.random((batch, steps)).argsort(axis=1)[:, :count]
    return np.sort(order, axis=1).astype(np.int64)


def nowhere(batch: int, length: int) -> Bools:
    """A mask [B T] without a step."""
    return np.zeros((batch, length), dtype=np.bool_)
