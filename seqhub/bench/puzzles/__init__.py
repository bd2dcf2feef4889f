"""The puzzles by name. numpy only: arguments are checked before torch is imported."""

from __future__ import annotations

from seqhub.bench.puzzles.adding import Adding
from seqhub.bench.puzzles.base import Puzzle, Sample
from seqhub.bench.puzzles.copying import Copy, SelectiveCopy
from seqhub.bench.puzzles.parity import Parity
from seqhub.bench.puzzles.recall import Recall

PUZZLES = ("adding", "copy", "parity", "mqar", "selective-copy")

__all__ = ["PUZZLES", "Adding", "Copy", "Parity", "Puzzle", "Recall", "Sample", "SelectiveCopy", "make_puzzle"]


def make_puzzle(name: str, pairs: int) -> Puzzle:
    """One of `PUZZLES`; pairs: of mqar. KeyError for another name."""
    made: dict[str, Puzzle] = {
        "adding": Adding(),
        "copy": Copy(),
        "parity": Parity(),
        "mqar": Recall(pairs),
        "selective-copy": SelectiveCopy(),
    }
    return made[name]
