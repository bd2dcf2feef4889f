"""What a file of labelled series gives, and how its lines become numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqhub.errors import DataError, Place, Problem
from seqhub.formats.encoding import plain_encoding, wrong_encoding

Numbers = NDArray[np.float64]
SHOWN = 5  # bad lines that are reported; the rest is counted


@dataclass(frozen=True, eq=False)
class Series:
    """items: [T D] each, NaN where a value is missing.  labels: one each, or none at all.  lines: where each begins."""

    items: list[Numbers]
    labels: list[str]
    lines: list[int]


class Problems:
    """The bad lines of one file, collected, so that they are reported together."""

    def __init__(self, path: Path, named: str) -> None:
        self.path, self.named = path, named
        self.found: list[Problem] = []

    def add(self, code: str, number: int, text: str, what: str, fix: str, column: int = 1) -> None:
        """One problem with line `number`, which reads `text`."""
        shown = text if len(text) <= 100 else text[:97] + "..."
        place = Place(str(self.path), number, column if column <= 97 else 1, shown)
        self.found.append(Problem(code, f"{self.named} line {number}: {what}", fix, place))

    def raise_found(self) -> None:
        """DataError with the first of them, and how many more there are; nothing where there are none."""
        if not self.found:
            return
        shown = self.found[:SHOWN]
        if len(self.found) > SHOWN:
            last = shown[-1]
            message = f"{last.message} (and {len(self.found) - SHOWN} more such lines)"
            shown[-1] = Problem(last.code, message, last.fix, last.place)
        raise DataError.collect(shown)


def lines_of(path: Path, named: str, encoding: str) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) of each line. DataError E304 where the bytes are no such text."""
    try:
        with path.open(encoding=plain_encoding(encoding)) as file:
            for number, text in enumerate(file, start=1):
                yield number, text.rstrip("\n")
    except UnicodeError:
        raise wrong_encoding(path, named, encoding) from None


def numbers(cells: Sequence[str]) -> Numbers | tuple[str, str, str]:
    """Cells as [N], NaN where one is missing; or (code, what, fix) of the first that is no finite number."""
    plain = ["nan" if cell.strip() == "?" else cell for cell in cells]
    try:
        values = np.array(plain, dtype=np.float64)
    except ValueError:
        at, cell = next((i, cell) for i, cell in enumerate(plain) if not _is_number(cell))
        if not cell.strip():
            return "E308", f"value {at + 1} of {len(cells)} is empty", "write ? where a value is missing"
        return "E308", f"value {at + 1} of {len(cells)} is {_short(cell)}, not a number", "correct the value"
    if np.isinf(values).any():
        at = int(np.flatnonzero(np.isinf(values))[0])
        return (
            "E309",
            f"value {at + 1} of {len(cells)} is {values[at]}",
            "correct the value, or write ? for a missing one",
        )
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _short(cell: str) -> str:
    return repr(cell.strip() if len(cell) <= 40 else cell[:37] + "...")
