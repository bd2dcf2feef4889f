"""What a source gives: a table of columns, or a list of sequences with labels.

A table keeps cells as they were read; numbers, text and times are made of a column when a task asks for it, so that a
column which nobody uses can hold anything, and an error can name the line.

Codes: E301 no such file, E302 empty, E303 header, E304 encoding, E305 column names, E306 ragged rows, E307 missing
column, E308 wrong type, E309 missing or infinite value, E310 order of time, E311 too short, E312 wrong kind of source,
E313 labels, E314 arrays of an archive, E315 nothing to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqhub.data.nearest import nearest
from seqhub.errors import DataError, Place, Problem

Numbers: TypeAlias = NDArray[np.float64]
Column: TypeAlias = Any  # a numpy array [N], or a pyarrow ChunkedArray of N cells


@dataclass(frozen=True)
class Table:
    """Rows and named columns.

    columns: name to N cells.  origin: what messages call the table: the file as the recipe names it, or the name of a
    data set.  notes: what was done to the data, or should be known of it.  locate: the place of a cell (row from 0,
    column) in a text file.  splits: the rows of train, valid and test where the source has its own.
    """

    columns: Mapping[str, Column]
    origin: str
    notes: tuple[str, ...] = ()
    locate: Callable[[int, str], Place] | None = field(default=None, repr=False)
    splits: Mapping[str, range] | None = None

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def column(self, name: str) -> Column:
        """The cells of a column; DataError with the nearest names if there is none."""
        self.require([name])
        return self.columns[name]

    def require(self, names: Iterable[str]) -> None:
        """DataError for every name that is not a column, all at once."""
        problems = [
            Problem(
                "E307",
                f"{self.origin} has no column {name!r}",
                nearest(name, self.columns, "columns"),
                self.locate(-1, "") if self.locate else None,
            )
            for name in names
            if name not in self.columns
        ]
        if problems:
            raise DataError.collect(problems)

    def problem(self, code: str, row: int, column: str, what: str, fix: str) -> Problem:
        """A problem with one cell: `co2.csv line 7, column 'ppm': what`."""
        place = self.locate(row, column) if self.locate else None
        return Problem(code, f"{self.origin} {self.line(row)}, column {column!r}: {what}", fix, place)

    def line(self, row: int) -> str:
        """`line 7` of a text file, else `row 6` (from 1, header not counted), or `test row 6` of a split."""
        place = self.locate(row, "") if self.locate else None
        return f"line {place.line}" if place else numbered("row", row, self.splits)

    def require_whole(self, task: str) -> None:
        """DataError E312 where the source has splits of its own: a task that cuts rows itself would not see them."""
        if self.splits is not None:
            what = f"{self.origin} has splits of its own, but {task} cuts the rows of a table itself"
            fix = "name one split, or a sum of them, as in data.source.splits: [train+test]"
            raise DataError(what, code="E312", fix=fix)


def numbered(what: str, index: int, splits: Mapping[str, range] | None = None) -> str:
    """`row 7`, or `test row 2` where it lies in a split; counted from 1."""
    for split, span in (splits or {}).items():
        if index in span:
            return f"{split} {what} {index - span.start + 1}"
    return f"{what} {index + 1}"


@dataclass(frozen=True)
class Sequences:
    """Labelled sequences.

    items: [T D] each, T varies.  labels: one a sequence, as text.  features: the D names.  names: one a sequence, such
    as its file's, or none.  rate_hz: steps a second where that is known, else 0.  splits: the positions of each split's
    sequences where the source has its own; without `valid`, some of `train` will be taken.
    """

    items: Sequence[Numbers]
    labels: Sequence[str]
    features: tuple[str, ...]
    origin: str
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    rate_hz: int = 0
    splits: Mapping[str, range] | None = None

    def name(self, index: int) -> str:
        """What messages call a sequence."""
        return self.names[index] if self.names else f"{self.origin}, {numbered('sequence', index, self.splits)}"

    def problem(self, code: str, index: int, what: str, fix: str) -> Problem:
        """A problem with one sequence: `walks_TEST.ts line 7: what`."""
        return Problem(code, f"{self.name(index)}: {what}", fix)


class Source(Protocol):
    """Where data comes from. Built as `target(config, base_dir)`; nothing is read before `read`."""

    def read(self) -> Table | Sequences:
        """All of it; DataError with file, line and fix where it cannot be read."""
        ...
