"""A NumPy archive. Pickled objects are refused, so a file from a stranger cannot run code.

Columns: one-dimensional arrays of equal length, each a column.
Sequences: x [N T D], lengths [N] (steps of each that are valid; optional when all are), y [N] labels,
and optionally features [D], the names of the D columns.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.data.configs import NpzConfig
from seqhub.data.files import existing, located
from seqhub.data.table import Sequences, Table
from seqhub.errors import DataError

Arrays = dict[str, NDArray[Any]]
SAVE = "save it with numpy.savez(path, name=array, ...)"
SEQUENCE_ARRAYS = ("x", "lengths", "y", "features")


class NpzSource:
    """Columns or sequences, told apart by the shape of `x`."""

    def __init__(self, config: NpzConfig, base_dir: Path) -> None:
        self.path = located(base_dir, config.path)
        self.origin = config.path

    def read(self) -> Table | Sequences:
        """DataError where the archive holds objects, or arrays that do not fit each other."""
        existing(self.path, self.origin)
        arrays = self._arrays()
        if not arrays:
            raise self._error("E302", "it holds no arrays", SAVE)
        if "x" in arrays and arrays["x"].ndim == 3:
            return self._sequences(arrays)
        return self._table(arrays)

    def _arrays(self) -> Arrays:
        if not zipfile.is_zipfile(self.path):
            raise self._error("E300", "it is not a NumPy archive", SAVE)
        arrays: Arrays = {}
        with np.load(self.path, allow_pickle=False) as archive:
            for name in archive.files:
                try:
                    arrays[name] = archive[name]
                except (OSError, EOFError, zipfile.BadZipFile):
                    raise self._error("E300", f"array {name!r} is damaged", "write the file again") from None
                except ValueError:
                    fix = "save numbers: pad sequences to one length as x [N T D] and give lengths [N]"
                    what = f"array {name!r} holds Python objects, which are never loaded"
                    raise self._error("E314", what, fix) from None
        return arrays

    def _table(self, arrays: Arrays) -> Table:
        rows = len(next(iter(arrays.values()))) if next(iter(arrays.values())).ndim else 0
        for name, array in arrays.items():
            if array.ndim != 1:
                what = f"array {name!r} has shape {array.shape}"
                raise self._error("E314", what, "columns are [N]; sequences are x [N T D] with lengths [N] and y [N]")
            if len(array) != rows:
                first = next(iter(arrays))
                what = f"array {name!r} has {len(array)} rows, {first!r} has {rows}"
                raise self._error("E314", what, "give every column the same number of rows")
        if rows == 0:
            raise self._error("E303", "its columns have no rows", "save columns that hold values")
        return Table(arrays, self.origin)

    def _sequences(self, arrays: Arrays) -> Sequences:
        unknown = sorted(arrays.keys() - set(SEQUENCE_ARRAYS))
        if unknown:
            fix = f"beside x are: {', '.join(SEQUENCE_ARRAYS[1:])}"
            raise self._error("E314", f"array {unknown[0]!r} is not known", fix)
        x = arrays["x"]
        count, steps, width = x.shape
        if count == 0 or width == 0:
            raise self._error("E303", f"x has shape {x.shape}: no sequences", "save x [N T D]")
        if x.dtype.kind not in "fiub":
            raise self._error("E308", f"x holds {x.dtype}, not numbers", "save x as float32")
        lengths = arrays.get("lengths", np.full(count, steps))
        if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
            what = f"lengths has shape {lengths.shape} and type {lengths.dtype}"
            raise self._error("E314", what, f"one whole number for each of the {count} sequences")
        for i in np.flatnonzero((lengths < 1) | (lengths > steps))[:1]:
            raise self._error("E314", f"lengths[{i}] is {lengths[i]}", f"x has {steps} steps: give 1 to {steps}")
        if "y" not in arrays or arrays["y"].shape != (count,):
            got = f"has shape {arrays['y'].shape}" if "y" in arrays else "is missing"
            raise self._error("E313", f"array 'y' {got}", f"give one label a sequence: y [{count}]")
        labels = [str(label).strip() for label in arrays["y"].tolist()]
        for i in [i for i, label in enumerate(labels) if not label][:1]:
            raise self._error("E313", f"sequence {i + 1} has an empty label in y", "give it a label, or leave it out")
        x = x.astype(np.float64, copy=False)
        return Sequences(
            items=[x[i, :length] for i, length in enumerate(lengths)],
            labels=labels,
            features=self._features(arrays, width),
            origin=self.origin,
        )

    def _features(self, arrays: Arrays, width: int) -> tuple[str, ...]:
        if "features" not in arrays:
            return tuple(f"x{i}" for i in range(width))
        names = tuple(str(name) for name in arrays["features"].ravel().tolist())
        if len(names) != width or len(set(names)) != width:
            fix = f"x has {width}: give {width} different names"
            raise self._error("E314", f"features names {len(set(names))} columns", fix)
        return names

    def _error(self, code: str, what: str, fix: str) -> DataError:
        return DataError(f"{self.origin}: {what}", code=code, fix=fix)
