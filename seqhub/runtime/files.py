"""Sequences read from files: CSV by the names of its columns, npz by the names of its arrays."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.errors import BundleError, Place
from seqhub.runtime.inputs import as_steps


@dataclass(frozen=True, eq=False)
class Item:
    """One sequence of a file: steps [T D] float32, and the name to report it under."""

    name: str
    steps: np.ndarray


def read_items(path: Path, features: Sequence[str], *, sequence: str = "") -> list[Item]:
    """Every sequence of a .csv or .npz file, at least one.

    CSV: a header with every feature among its columns; the rows are one sequence, or with `sequence` one for each value of that column.
    npz: each array is one sequence [T D]; an array x [N T D], with lengths [N] beside it or not, is N.
    Raises BundleError with the file's line, or the array's name.
    """
    if not path.is_file():
        raise BundleError(f"there is no input file '{path}'", fix="check the path", code="E713")
    readers = {".csv": _read_csv, ".npz": _read_npz}
    if path.suffix.lower() not in readers:
        raise BundleError(f"'{path}' is neither .csv nor .npz", fix="save it as one of these", code="E713")
    return readers[path.suffix.lower()](path, features, sequence)


def _read_csv(path: Path, features: Sequence[str], sequence: str) -> list[Item]:
    groups: dict[str, list[list[float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            header = [name.strip() for name in next(lines, [])]
            columns = [_column(path, header, name) for name in features]
            key = _column(path, header, sequence) if sequence else None
            for cells in lines:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    message = f"line {lines.line_num} has {len(cells)} cells, the header has {len(header)}"
                    raise BundleError(
                        message,
                        fix="give every row a cell for each column",
                        code="E713",
                        place=_at(path, lines.line_num),
                    )
                row = [_number(path, lines.line_num, header[i], cells[i]) for i in columns]
                groups.setdefault(cells[key].strip() if key is not None else path.name, []).append(row)
    except UnicodeDecodeError:
        raise BundleError(f"'{path}' is not UTF-8 text", fix="save the file as UTF-8", code="E713") from None
    except csv.Error as error:
        raise BundleError(f"'{path}' is not CSV: {error}", fix="save the file as plain CSV", code="E713") from None
    if not groups:
        raise BundleError(f"'{path}' has no rows below its header", fix="give at least one row", code="E713")
    return [Item(name, np.asarray(rows, dtype=np.float32)) for name, rows in groups.items()]


def _column(path: Path, header: list[str], name: str) -> int:
    if not any(header):
        raise BundleError(
            f"'{path}' is empty", fix=f"the first line names the columns, '{name}' among them", code="E713"
        )
    if name not in header:
        message = f"'{path}' has no column '{name}'; it has {', '.join(header)}"
        raise BundleError(message, fix="rename the column as the model was trained", code="E713", place=_at(path, 1))
    if header.count(name) > 1:
        message = f"'{path}' names the column '{name}' twice"
        raise BundleError(message, fix="remove or rename one", code="E713", place=_at(path, 1))
    return header.index(name)


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        what = (
            f"column '{column}' holds {cell!r}, which is not a number"
            if cell.strip()
            else f"column '{column}' is empty"
        )
        raise BundleError(what, fix="fill the cell or remove the row", code="E713", place=_at(path, line)) from None
    if not math.isfinite(value) or abs(value) > float(np.finfo(np.float32).max):
        message = f"column '{column}' holds {cell.strip()}, expected a finite float32"
        raise BundleError(message, fix="fill the cell or remove the row", code="E712", place=_at(path, line))
    return value


def _at(path: Path, line: int) -> Place:
    return Place(str(path), line)


def _read_npz(path: Path, features: Sequence[str], sequence: str) -> list[Item]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BundleError(
            f"'{path}' cannot be read as npz: {reason}", fix="write it by np.savez(path, x=array)", code="E713"
        ) from None
    items = list(_npz_items(path, arrays, features))
    if not items:
        raise BundleError(f"'{path}' holds no array", fix="write it by np.savez(path, x=array)", code="E713")
    return items


def _npz_items(path: Path, arrays: dict[str, np.ndarray], features: Sequence[str]) -> Iterator[Item]:
    x = arrays.get("x")
    if x is None or x.ndim != 3:
        for name, array in arrays.items():
            yield Item(name, as_steps(array, features, name))
        return
    lengths = arrays.get("lengths", np.full(len(x), x.shape[1]))
    if lengths.shape != (len(x),) or lengths.dtype.kind not in "iu":
        message = (
            f"'lengths' in '{path}' has shape {list(lengths.shape)} of {lengths.dtype}, expected [{len(x)}] of integers"
        )
        raise BundleError(message, fix="one length for each row of x", code="E711")
    if len(lengths) and (lengths.min() < 0 or lengths.max() > x.shape[1]):
        message = f"'lengths' in '{path}' run from {lengths.min()} to {lengths.max()}, expected 0 to {x.shape[1]} (the steps of x)"
        raise BundleError(message, fix="one length for each row of x", code="E711")
    for i, (row, length) in enumerate(zip(x, lengths, strict=True)):
        yield Item(f"x[{i}]", as_steps(row[:length], features, f"x[{i}]"))
