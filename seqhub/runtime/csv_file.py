"""Sequences from CSV: columns found by name, rows in order of time."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqhub.errors import BundleError, Place
from seqhub.runtime.clock import Unfit
from seqhub.runtime.raw_rows import Missing, RawRows, moment

_MISSING = ("", "na", "n/a", "null", "none", "nan")
_LARGEST = float(np.finfo(np.float32).max)


class _Row(NamedTuple):
    line: int
    time: str
    values: list[float]


def read_csv(
    path: Path, features: Sequence[str], *, sequence: str = "", time: str = "", raw: RawRows | None = None
) -> dict[str, np.ndarray]:
    """{name: steps [T D] float32}, one entry, or one for each value of the column `sequence` where the file has it.

    Further columns are ignored. Where there is a column `time` of numbers or ISO dates, it must not run backwards.
    raw: what is done to the rows first; then they may be in any order, and cells empty, where it says so.
    Raises BundleError with the line of the file.
    """
    groups: dict[str, list[_Row]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True)
            header = [name.strip() for name in next(lines, [])]
            columns = [_column(path, header, name) for name in (raw.columns(features) if raw else features)]
            if raw and raw.needs_time:
                _column(path, header, time)
            key = header.index(sequence) if sequence in header else None
            clock = header.index(time) if time in header else None
            for cells in lines:
                line = lines.line_num
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    message = f"the line has {len(cells)} cells, the header has {len(header)}"
                    raise _problem(path, line, message, "give every row a cell for each column")
                values = [_number(path, line, header[i], cells[i], raw is not None and raw.gaps) for i in columns]
                name = path.name if key is None else cells[key].strip()
                groups.setdefault(name, []).append(_Row(line, "" if clock is None else cells[clock].strip(), values))
    except UnicodeDecodeError:
        raise BundleError(f"'{path}' is not UTF-8 text", fix="save the file as UTF-8", code="E713") from None
    except csv.Error as error:
        raise _problem(path, lines.line_num, f"this is not CSV: {error}", "check the quotes") from None
    if not groups:
        raise BundleError(f"'{path}' has no rows below its header", fix="give at least one row", code="E713")
    if raw:
        names = raw.columns(features)
        return {name: _arranged(path, time, rows, raw, names) for name, rows in groups.items()}
    for rows in groups.values():
        _check_order(path, time, rows)
    return {name: np.asarray([row.values for row in rows], dtype=np.float32) for name, rows in groups.items()}


def _column(path: Path, header: list[str], name: str) -> int:
    if not any(header):
        fix = f"the first line names the columns, '{name}' among them"
        raise BundleError(f"'{path}' is empty", fix=fix, code="E713")
    if name not in header:
        message = f"there is no column '{name}'; the columns are {', '.join(header)}"
        raise _problem(path, 1, message, "name the columns as the model was trained")
    if header.count(name) > 1:
        raise _problem(path, 1, f"the column '{name}' is there twice", "remove or rename one")
    return header.index(name)


def _arranged(path: Path, time: str, rows: list[_Row], raw: RawRows, names: Sequence[str]) -> np.ndarray:
    """The rows as the model was trained to read them; BundleError with the line that does not fit."""
    values = np.array([row.values for row in rows], dtype=np.float64).reshape(len(rows), -1)
    for row in rows:
        try:
            moment(row.time or "1970-01-01")
        except ValueError:
            fix = "write times as 1958-03-29 or 1958-03-29T12:30:00"
            raise _problem(path, row.line, f"column '{time}' holds {row.time!r}, which is no time", fix) from None
    try:
        return raw.steps(values, [row.time for row in rows]).astype(np.float32)
    except Unfit as error:
        lines = sorted(rows[i].line for i in error.rows)
        raise _problem(path, lines[1], f"column '{time}': {error}, see line {lines[0]}", error.fix) from None
    except Missing as error:
        what = f"column '{names[error.column]}': {error}"
        fix = "fill the cell, or remove the row"
        if "in advance" in what:
            fix = "give a row for each step of the forecast, with this column alone"
        raise _problem(path, rows[error.row].line, what, fix) from None


def _number(path: Path, line: int, column: str, cell: str, gaps: bool = False) -> float:
    if gaps and cell.strip().lower() in _MISSING:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        what = f"holds {cell!r}, which is not a number" if cell.strip() else "is empty"
        raise _problem(path, line, f"column '{column}' {what}", "fill the cell, or remove the row") from None
    if not math.isfinite(value) or abs(value) > _LARGEST:
        message = f"column '{column}' holds {cell.strip()}, expected a finite float32"
        raise _problem(path, line, message, "fill the cell, or remove the row", code="E712")
    return value


def _check_order(path: Path, time: str, rows: list[_Row]) -> None:
    """Refuse rows that run backwards in time: a forecast from them would be nonsense."""
    moments = _moments([row.time for row in rows])
    for i in range(1, len(moments)):
        if moments[i] < moments[i - 1]:
            message = f"column '{time}' goes back from {rows[i - 1].time} to {rows[i].time}"
            raise _problem(path, rows[i].line, message, "sort the rows by time, oldest first")


def _moments(cells: list[str]) -> list[Any]:
    """Times that can be compared, or nothing where they are not all numbers or all ISO dates of one kind."""
    kinds: tuple[Callable[[str], Any], ...] = (float, datetime.fromisoformat)
    for kind in kinds:
        try:
            moments = [kind(cell) for cell in cells]
            if all(moments[0] <= moment or moments[0] > moment for moment in moments):
                return moments
        except (ValueError, TypeError):
            continue
    return []


def _problem(path: Path, line: int, message: str, fix: str, *, code: str = "E713") -> BundleError:
    return BundleError(message, fix=fix, code=code, place=Place(str(path), line))
