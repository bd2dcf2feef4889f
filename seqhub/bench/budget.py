"""What one training may cost, and when a puzzle counts as solved. No torch."""

from __future__ import annotations

from dataclasses import dataclass

SOLVED = 0.99  # share of the way from the naive answer to the perfect one


@dataclass(frozen=True)
class Budget:
    """steps: of training at most.  batch: sequences of a step.  checks: how often the score is looked at while
    training, on `checked` sequences.  items: sequences of the scores at the end.
    """

    steps: int
    batch: int = 64
    checks: int = 20
    checked: int = 512
    items: int = 512
