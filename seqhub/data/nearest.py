"""Suggestions for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 12


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """`did you mean 'co2'?  columns: date, co2`."""
    names = list(known)
    folded = {other.casefold().strip(): other for other in reversed(names)}
    close = difflib.get_close_matches(name.casefold().strip(), folded, n=2, cutoff=0.6)
    listed = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    guess = " or ".join(repr(folded[match]) for match in close)
    return (f"did you mean {guess}? " if guess else "") + f"{what}: {listed or 'none'}"
