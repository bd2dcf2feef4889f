"""Numbers, text and times out of a table's columns, with errors that name the line.

A cell that is empty, or one of NA, N/A, null, None and NaN in any case, is missing.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seqhub.data.table import Column, Numbers, Table
from seqhub.errors import DataError, Problem

MISSING = ("", "na", "n/a", "null", "none", "nan")
_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
SHOWN = 5  # problems of one kind that are reported; the rest is counted


def numbers(table: Table, name: str) -> Numbers:
    """A column as float64 [N], NaN where a cell is missing. DataError where a cell is no number."""
    column = _arrow(table.column(name))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _parsed(table, name, column)
    if not any(is_kind(column.type) for is_kind in _NUMERIC):
        what = f"{table.origin}, column {name!r} holds {column.type}, not numbers"
        raise DataError(what, code="E308", fix="name a column of numbers")
    return _to_numpy(pc.cast(column, pa.float64(), safe=False))


def finite(table: Table, name: str, *, gaps: bool = False, fill: str = "") -> Numbers:
    """A column of finite numbers [N]; with `gaps`, missing ones are left as NaN. DataError at the others, by line.

    fill: what else an error advises where only gaps are wrong.
    """
    values = numbers(table, name)
    bad = np.isinf(values) if gaps else ~np.isfinite(values)
    if bad.any():
        fix = "correct the cell, or remove the row"
        if not gaps and not np.isinf(values[bad]).any():
            fix = f"fill the cell or remove the row{fill}"
        said = {row: f"the value is {values[row]}" for row in _rows(bad)}
        what = {row: text.replace("is nan", "is missing") for row, text in said.items()}
        raise DataError.collect(_report(table, name, "E309", bad, what, fix))
    return values


def texts(table: Table, name: str) -> list[str]:
    """A column as text; whole numbers without a decimal point. DataError where a cell is missing."""
    column = table.column(name)
    cells = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    found = [_text(cell) for cell in cells]
    bad = np.array([text.casefold() in MISSING[:1] for text in found], dtype=bool)
    if bad.any():
        what = dict.fromkeys(_rows(bad), "the cell is empty")
        raise DataError.collect(_report(table, name, "E309", bad, what, "fill the cell, or remove the row"))
    return found


def times(table: Table, name: str) -> NDArray[Any]:
    """A column of times [N] as datetime64[us] (UTC), or float64 where it holds plain numbers. In any order."""
    column = _arrow(table.column(name))
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        stamps = pc.cast(column, pa.timestamp("us"), safe=False).to_numpy().astype("datetime64[us]")
        return _no_gaps(table, name, stamps, np.isnat(stamps))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        cells = [cell.strip() for cell in column.to_pylist()]
        if not _is_number(cells[0] if cells else ""):
            return _parsed_times(table, name, cells)
    values = numbers(table, name)
    return _no_gaps(table, name, values, ~np.isfinite(values))


def increasing(table: Table, name: str, values: NDArray[Any], rows: NDArray[np.int64] | None = None) -> None:
    """DataError at the first times that do not come after the one before; `rows` are their rows in the table."""
    later = values[1:] > values[:-1]
    if later.all():
        return
    where = np.arange(len(values)) if rows is None else rows
    problems = []
    for i in np.flatnonzero(~later)[:SHOWN] + 1:
        now, before = int(where[i]), int(where[i - 1])
        if values[i] == values[i - 1]:
            what, fix = f"{show_time(values[i])} appears twice, first on {table.line(before)}", "keep one row per time"
        else:
            what = f"{show_time(values[i])} comes before {show_time(values[i - 1])} on {table.line(before)}"
            fix = f"sort the rows by {name!r}"
        problems.append(table.problem("E310", now, name, what, fix))
    raise DataError.collect(problems)


def show_time(value: Any) -> str:
    """`1958-03-29`, `1958-03-29T12:30:00`, or a plain number."""
    if isinstance(value, np.datetime64):
        text = str(value.astype("datetime64[s]"))
        return text.removesuffix("T00:00:00")
    return f"{float(value):.15g}"


def _arrow(column: Column) -> Any:
    return pa.chunked_array([pa.array(column)]) if isinstance(column, np.ndarray) else column


def _to_numpy(column: Any) -> Numbers:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _parsed(table: Table, name: str, column: Any) -> Numbers:
    """Text as numbers: in one go, or cell by cell where that fails."""
    column = pc.utf8_trim_whitespace(column)
    missing = pc.is_in(pc.utf8_lower(column), pa.array(MISSING, column.type))
    column = pc.if_else(missing, pa.scalar(None, column.type), column)
    try:
        return _to_numpy(pc.cast(column, pa.float64()))
    except pa.ArrowInvalid:
        cells = column.to_pylist()
    bad = np.array([cell is not None and not _is_number(cell) for cell in cells], dtype=bool)
    if bad.any():
        what = {row: f"{_short(cells[row])} is not a number" for row in _rows(bad)}
        raise DataError.collect(_report(table, name, "E308", bad, what, _number_fix(cells[_rows(bad)[0]])))
    return np.array([np.nan if cell is None else float(cell) for cell in cells])


def _number_fix(cell: str) -> str:
    if _is_number(cell.replace(",", ".")):
        return "write decimals with a point, as in " + cell.replace(",", ".")
    if _is_number(cell.replace(",", "").replace(" ", "").replace("_", "")):
        return "write the number without separators, as in " + cell.replace(",", "").replace(" ", "").replace("_", "")
    return "correct the cell, or leave it empty if the value is missing"


def _parsed_times(table: Table, name: str, cells: list[str]) -> NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns where a text carries a time zone, and drops it
            stamps = np.array(cells, dtype="datetime64[us]")
    except (ValueError, UserWarning, DeprecationWarning):
        stamps = np.array([_stamp(cell) for cell in cells], dtype="datetime64[us]")
    bad = np.isnat(stamps)
    if bad.any():
        what = {
            row: f"{_short(cells[row])} is not a time" if cells[row] else "the time is missing" for row in _rows(bad)
        }
        fix = "write times as 1958-03-29 or 1958-03-29T12:30:00, or as plain numbers"
        raise DataError.collect(_report(table, name, "E308", bad, what, fix))
    return stamps


def _stamp(cell: str) -> np.datetime64:
    """An ISO 8601 time, in UTC if it has a zone; NaT where it is none."""
    try:
        stamp = datetime.datetime.fromisoformat(cell)
    except ValueError:
        return np.datetime64("NaT")
    if stamp.tzinfo is not None:
        stamp = stamp.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(stamp, "us")


def _no_gaps(table: Table, name: str, values: NDArray[Any], bad: NDArray[np.bool_]) -> NDArray[Any]:
    if bad.any():
        what = dict.fromkeys(_rows(bad), "the time is missing")
        raise DataError.collect(_report(table, name, "E309", bad, what, "fill the cell, or remove the row"))
    return values


def _rows(bad: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.flatnonzero(bad)[:SHOWN]]


def _report(
    table: Table, name: str, code: str, bad: NDArray[np.bool_], what: dict[int, str], fix: str
) -> Iterator[Problem]:
    """The first problems of a column; the last one that is shown counts the rest."""
    more = int(bad.sum()) - len(what)
    for number, (row, message) in enumerate(what.items(), 1):
        tail = f" (and {more} more such cells)" if more and number == len(what) else ""
        yield table.problem(code, row, name, message + tail, fix)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")
