"""Text with a header line. Cells stay text until a task asks for numbers; see `columns`."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from seqhub.data.configs import CsvConfig
from seqhub.data.files import existing, located
from seqhub.data.table import Table
from seqhub.errors import DataError, Place, Problem

SHOWN = 5  # ragged rows that are reported


class CsvSource:
    """Every column of the file, as text."""

    def __init__(self, config: CsvConfig, base_dir: Path) -> None:
        self.config = config
        self.path = located(base_dir, config.path)
        self.origin = config.path

    def read(self) -> Table:
        """The table; DataError E301 to E306 where the file is no table of text."""
        existing(self.path, self.origin)
        names = self._header()
        options: dict[str, Any] = {
            "read_options": pa.csv.ReadOptions(encoding=self.config.encoding),
            "parse_options": pa.csv.ParseOptions(delimiter=self.config.delimiter, newlines_in_values=True),
            "convert_options": pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        }
        try:
            table = pa.csv.read_csv(self.path, **options)
        except (pa.ArrowInvalid, UnicodeError) as error:
            raise self._diagnosed(len(names), str(error)) from None
        if table.num_rows == 0:
            raise self._error("E303", 1, f"{self.origin} has a header and no rows", "add rows below the header")
        stripped = [name.strip() for name in names]
        return Table(dict(zip(stripped, table.columns, strict=True)), self.origin, locate=self._locate)

    def _header(self) -> list[str]:
        """The names as written, checked: all different, none empty, none a number."""
        try:
            number, names, text = next(self._records())
        except StopIteration:
            raise DataError(
                f"{self.origin} is empty", code="E302", fix="the first line names the columns; rows follow"
            ) from None
        except (UnicodeError, csv.Error) as error:
            raise self._diagnosed(0, str(error)) from None
        stripped = [name.strip() for name in names]
        place = Place(str(self.path), number, 1, text)
        other = next((sign for sign in ";\t|," if sign in text), None)
        if len(stripped) == 1 and other is not None and '"' not in text:
            raise DataError(
                f"{self.origin} has one column by delimiter {self.config.delimiter!r}: {stripped[0]!r}",
                code="E303",
                fix=f"say what separates its cells, as in delimiter: {json.dumps(other)}",
                place=place,
            )
        if all(_is_number(name) for name in stripped):
            raise DataError(
                f"{self.origin} has no header: its first line holds numbers",
                code="E303",
                fix="put the names of the columns on the first line",
                place=place,
            )
        problems = []
        for i, name in enumerate(stripped):
            if not name:
                problems.append(Problem("E305", f"{self.origin}: column {i + 1} has no name", "name it", place))
            elif name in stripped[:i]:
                first = stripped.index(name) + 1
                what = f"{self.origin}: the name {name!r} stands over columns {first} and {i + 1}"
                problems.append(Problem("E305", what, "rename one of them", place))
        if problems:
            raise DataError.collect(problems)
        return names

    def _diagnosed(self, width: int, said: str) -> Exception:
        """The error behind a file that cannot be read, with its line."""
        try:
            self.path.read_bytes().decode(self.config.encoding)
        except UnicodeError as error:
            return self._wrong_encoding(error)
        try:
            ragged = [(n, len(cells), text) for n, cells, text in self._records() if width and len(cells) != width]
        except csv.Error as error:
            return DataError(f"{self.origin} cannot be read as CSV: {error}", code="E306", fix="check its quotes")
        if not ragged:
            what = f"{self.origin} cannot be read as CSV: {said}"
            return DataError(what, code="E300", fix="check its quotes and delimiter")
        more = f" (and {len(ragged) - SHOWN} more such rows)" if len(ragged) > SHOWN else ""
        problems = []
        for i, (line, count, text) in enumerate(ragged[:SHOWN]):
            tail = more if i == SHOWN - 1 else ""
            what = f"{self.origin} line {line} has {count} cells; the header has {width}{tail}"
            fix = f"give the row {width} cells; quote a cell that holds {self.config.delimiter!r}"
            if text.count('"') % 2:
                fix = "close the quote that opens here"
            problems.append(Problem("E306", what, fix, Place(str(self.path), line, 1, text)))
        return DataError.collect(problems)

    def _wrong_encoding(self, error: UnicodeError) -> DataError:
        data = self.path.read_bytes()
        guess = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        what, line = "", 1
        if isinstance(error, UnicodeDecodeError):
            line = data.count(b"\n", 0, error.start) + 1
            what = f" line {line}: byte 0x{data[error.start]:02x}"
        return self._error(
            "E304",
            line,
            f"{self.origin}{what} is not {self.config.encoding} text",
            f"save the file as UTF-8, or say how it is written, as in encoding: {guess}",
        )

    def _records(self) -> Iterator[tuple[int, list[str], str]]:
        """(line, cells, first line of text) of each record, blank lines left out; the header comes first."""
        encoding = self.config.encoding
        if codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"  # drops a byte order mark, as pyarrow does
        with self.path.open(encoding=encoding, newline="") as file:
            kept = _Lines(file)
            for cells in csv.reader(kept, delimiter=self.config.delimiter):
                if cells:
                    yield kept.first, cells, kept.text
                kept.next_record()

    def _locate(self, row: int, column: str) -> Place:
        """The place of a cell; row -1 is the header."""
        records = self._records()
        _, names, _ = header = next(records)
        line, cells, text = header if row < 0 else next(record for i, record in enumerate(records) if i == row)
        index = next((i for i, name in enumerate(names) if name.strip() == column), 0)
        before = 0 if '"' in text else sum(len(cell) + 1 for cell in cells[:index])
        return Place(str(self.path), line, before + 1, text)

    def _error(self, code: str, line: int, message: str, fix: str) -> DataError:
        return DataError(message, code=code, fix=fix, place=Place(str(self.path), line))


class _Lines:
    """The lines of a file, with the number and text of the first one of the current record."""

    def __init__(self, file: io.TextIOBase | Any) -> None:
        self.file = file
        self.number = 0
        self.next_record()

    def next_record(self) -> None:
        self.first, self.text = self.number + 1, ""

    def __iter__(self) -> Iterator[str]:
        for line in self.file:
            self.number += 1
            if self.number == self.first:
                self.text = line.rstrip("\r\n")
            yield line


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
