"""What one training may cost, and when a puzzle counts as solved. No torch."""

from __future__ import annotations

from dataclasses import dataclass

SOLVED = 0.99  # share of the way from the naive answer to the perfect one


@dataclass(frozen=True)
class Budget:
    """steps: of training at most.  checks: how often the score is looked at.  items: sequences of each score."""

    steps: int
    batch: int = 64
    checks: int = 20
    items: int = 512
