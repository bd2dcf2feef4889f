"""Sequences read from files: CSV by the names of its columns, npz by those of its arrays, series and texts by lines."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.errors import BundleError
from seqhub.runtime.csv_file import read_csv
from seqhub.runtime.inputs import as_steps
from seqhub.runtime.raw_rows import RawRows
from seqhub.runtime.series_file import SUFFIXES, read_series
from seqhub.runtime.text import TextInput, read_texts


@dataclass(frozen=True, eq=False)
class Item:
    """One sequence of a file: steps [T D] float32 or int64, and the name to report it under.

    words: what the steps stand for, where a task answers word by word.
    """

    name: str
    steps: np.ndarray
    words: tuple[str, ...] = ()


def read_items(
    path: Path, features: Sequence[str], *, sequence: str = "", time: str = "", raw: RawRows | None = None
) -> list[Item]:
    """Every sequence of a .csv, .npz, .ts or .tsv file, at least one.

    CSV: see `read_csv`.  ts, tsv: see `read_series`.  npz: each array is one sequence [T D]; an array x [N T D], with
    lengths [N] or without, is N.
    Raises BundleError with the file's line, or the array's name.
    """
    if not path.is_file():
        raise BundleError(f"there is no input file '{path}'", fix="check the path", code="E713")
    kind = path.suffix.lower()
    if kind == ".csv":
        found = read_csv(path, features, sequence=sequence, time=time, raw=raw)
        return [Item(name, x) for name, x in found.items()]
    if kind == ".npz":
        return _read_npz(path, features)
    if kind in SUFFIXES:
        return [Item(name, x) for name, x in read_series(path, features).items()]
    raise BundleError(f"'{path}' is none of .csv, .npz, .ts and .tsv", fix="save it as one of these", code="E713")


def text_items(path: Path, text: TextInput, column: str) -> list[Item]:
    """Every text of a .txt, .jsonl or .csv file; `column` holds it in the last two. BundleError with the line."""
    if not path.is_file():
        raise BundleError(f"there is no input file '{path}'", fix="check the path", code="E713")
    found = []
    for name, raw in read_texts(path, column, whole=text.whole):
        words = () if not text.words else text.split(raw) if isinstance(raw, str) else raw
        found.append(Item(name, text.ids(raw), tuple(words)))
    return found


def _read_npz(path: Path, features: Sequence[str]) -> list[Item]:
    fix = "write it by np.savez(path, x=array)"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BundleError(f"'{path}' cannot be read as npz: {reason}", fix=fix, code="E713") from None
    items = list(_npz_items(path, arrays, features))
    if not items:
        raise BundleError(f"'{path}' holds no array", fix=fix, code="E713")
    return items


def _npz_items(path: Path, arrays: dict[str, np.ndarray], features: Sequence[str]) -> Iterator[Item]:
    x = arrays.get("x")
    if x is None or x.ndim != 3:
        for name, array in arrays.items():
            yield Item(name, as_steps(array, features, name))
        return
    rows, steps, fix = len(x), x.shape[1], "one length for each row of x"
    lengths = arrays.get("lengths", np.full(rows, steps))
    if lengths.shape != (rows,) or lengths.dtype.kind not in "iu":
        found = f"shape {list(lengths.shape)} of {lengths.dtype}"
        message = f"'lengths' in '{path}' has {found}, expected [{rows}] of integers"
        raise BundleError(message, fix=fix, code="E711")
    if rows and (lengths.min() < 0 or lengths.max() > steps):
        found = f"{lengths.min()} to {lengths.max()}"
        raise BundleError(f"'lengths' in '{path}' are {found}, expected 0 to {steps}", fix=fix, code="E711")
    for i, (row, length) in enumerate(zip(x, lengths, strict=True)):
        yield Item(f"x[{i}]", as_steps(row[:length], features, f"x[{i}]"))
