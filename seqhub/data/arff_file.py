"""ARFF: a table whose columns are declared above its rows (https://waikato.github.io/weka-wiki/formats_and_processing/arff).

Read here and not by SciPy, whose reader names no line of the file and refuses columns of text. Sparse rows and tables
inside cells are refused.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from seqhub.data.configs_series import ArffConfig
from seqhub.data.files import existing, located
from seqhub.data.table import Table
from seqhub.errors import DataError, Place
from seqhub.formats.series import Problems, lines_of


class ArffSource:
    """Every column of the file, as text; `?` is a missing cell."""

    def __init__(self, config: ArffConfig, base_dir: Path) -> None:
        self.config = config
        self.path, self.origin = located(base_dir, config.path), config.path

    def read(self) -> Table:
        """Raises DataError with the line: E300 no ARFF, E303 no rows, E304 encoding, E305 a column's name twice, E306 a
        row with another number of cells, E313 a cell that its column's values do not name.
        """
        existing(self.path, self.origin)
        lines = lines_of(self.path, self.origin, self.config.encoding)
        columns = self._columns(lines)
        problems = Problems(self.path, self.origin)
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, text in lines:
            if text.strip() and not text.lstrip().startswith("%"):
                cells = self._cells(number, text, columns, problems)
                rows.append(cells)
                numbers.append(number)
        problems.raise_found()
        if not rows:
            raise DataError(f"{self.origin} has no rows below @data", code="E303", fix="give one row a line")

        def locate(row: int, column: str) -> Place:
            line = numbers[row] if row >= 0 else 1
            every = lines_of(self.path, self.origin, self.config.encoding)
            found = next(text for number, text in every if number == line)
            before = found.split(",")[: list(columns).index(column)] if column in columns and row >= 0 else []
            return Place(str(self.path), line, sum(len(cell) + 1 for cell in before) + 1, found)

        cells_of = zip(columns, zip(*rows, strict=True), strict=True)
        read = {name: pa.chunked_array([pa.array(cells, pa.string())]) for name, cells in cells_of}
        return Table(read, self.origin, locate=locate)

    def _columns(self, lines: Iterator[tuple[int, str]]) -> dict[str, frozenset[str]]:
        """Name to the values that it may have, or to none where any will do; `lines` is left at the first row."""
        found: dict[str, frozenset[str]] = {}
        for number, text in lines:
            line = text.strip()
            word, _, rest = line.replace("\t", " ").partition(" ")
            if not line or line.startswith("%") or word.lower() == "@relation":
                continue
            if word.lower() == "@data":
                if found:
                    return found
                raise self._error("E300", number, text, "no @attribute stands above @data", "declare the columns")
            if word.lower() != "@attribute":
                fix = "a header has @relation, @attribute NAME TYPE for each column, then @data"
                raise self._error("E300", number, text, f"{word[:40]!r} is no line of a header", fix)
            name, kind = _attribute(rest)
            if not name or not kind or kind.split()[0].lower() in ("relational",):
                fix = "write @attribute NAME TYPE: numeric, string, date or {a,b}; tables inside cells are not read"
                raise self._error("E300", number, text, "the column cannot be read", fix)
            if name in found:
                raise self._error("E305", number, text, f"the name {name!r} stands twice", "rename one of them")
            values = [value.strip().strip("'\"") for value in kind[1:].rstrip().rstrip("}").split(",")]
            found[name] = frozenset(values) if kind.startswith("{") else frozenset()
        raise DataError(f"{self.origin} has no line @data", code="E300", fix="write @data above the rows")

    def _cells(self, number: int, text: str, columns: dict[str, frozenset[str]], problems: Problems) -> list[str]:
        if text.lstrip().startswith("{"):
            problems.add("E306", number, text, "the row is sparse", "write every cell of every row")
            return [""] * len(columns)
        quote = next((sign for sign in "'\"" if sign in text), "")
        raw = next(csv.reader([text], quotechar=quote, skipinitialspace=True)) if quote else text.split(",")
        cells = ["" if cell.strip() == "?" else cell.strip() for cell in raw]
        if len(cells) != len(columns):
            what = f"the row has {len(cells)} cells, the header declares {len(columns)} columns"
            problems.add("E306", number, text, what, "give every row a cell for each column")
            return [""] * len(columns)
        for (name, values), cell in zip(columns.items(), cells, strict=True):
            if values and cell and cell not in values:
                known = ", ".join(sorted(values))
                problems.add("E313", number, text, f"column {name!r} is {cell!r}", f"the header declares {known}")
        return cells

    def _error(self, code: str, number: int, text: str, what: str, fix: str) -> DataError:
        place = Place(str(self.path), number, 1, text[:100])
        return DataError(f"{self.origin} line {number}: {what}", code=code, fix=fix, place=place)


def _attribute(rest: str) -> tuple[str, str]:
    """NAME and TYPE of a declaration; a name with blanks stands in quotes."""
    rest = rest.strip()
    if rest[:1] in ("'", '"'):
        name, _, kind = rest[1:].partition(rest[0])
    else:
        name, _, kind = rest.partition(" ")
    return name.strip(), kind.strip()
