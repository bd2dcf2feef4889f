"""Data sets of the Hugging Face Hub, and folders that `save_to_disk` wrote, as what a task needs.

Their tables are Arrow files that are mapped into memory: nothing is read but the columns that a recipe names, and a
running text piece by piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqhub.data.configs_hub import HuggingFaceConfig
from seqhub.data.document import PIECE, Document
from seqhub.data.hub import Rows, load_rows
from seqhub.data.table import Column, Numbers, Sequences, Table
from seqhub.data.texts import Sentences
from seqhub.errors import DataError, Problem

_SHOWN = 5  # bad rows that are reported
_BATCH = 1000  # rows that are made Python at a time


class HuggingFaceSource:
    """A table; with `words` and `tags` sentences, with `steps` sequences, with `running` a running text."""

    def __init__(self, config: HuggingFaceConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Table | Sentences | Sequences | Document:
        """DataError as `load_rows`; E307 for a column that is not there, E308 for one of another type, E306 where words
        and tags differ in number, E313 for a row without a label.
        """
        config, rows = self.config, load_rows(self.config, self.base_dir)
        if config.words is not None and config.tags is not None:
            return _sentences(rows, config.words, config.tags)
        if config.steps and config.label is not None:
            return _sequences(rows, config.steps, config.label)
        if config.running is not None:
            return _document(rows, config.running)
        return Table(_Columns(rows), rows.origin, splits=rows.splits)


class _Columns(Mapping[str, Column]):
    """Columns by name, looked for when they are asked for; labels by their names."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __getitem__(self, name: str) -> Column:
        if name not in self._rows.columns:
            raise KeyError(name)
        return _named(self._rows, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows.columns)

    def __len__(self) -> int:
        return len(self._rows.columns)


def _named(rows: Rows, name: str) -> pa.ChunkedArray:
    """A column, numbers of labels as their names: a dictionary over them, so that no text is copied. A number below
    zero, which stands for no label, is missing.
    """
    column, names = rows.column(name), rows.names.get(name)
    if names is None or not pa.types.is_integer(column.type):
        return column
    return pa.chunked_array([_labels(rows, name, chunk, names) for chunk in column.chunks], _label_type())


def _labels(rows: Rows, name: str, numbers: pa.Array, names: tuple[str, ...]) -> pa.DictionaryArray:
    highest = pc.max(numbers).as_py()
    if highest is not None and highest >= len(names):
        what = f"{rows.origin}, column {name!r} holds the label {highest}, but names only {len(names)}"
        raise DataError(what, code="E313", fix="give every label a name in the data set's features")
    known = pc.if_else(pc.less(numbers, 0), pa.scalar(None, numbers.type), numbers)
    return pa.DictionaryArray.from_arrays(pc.cast(known, pa.int32()), pa.array(names, pa.string()))


def _label_type() -> pa.DataType:
    return pa.dictionary(pa.int32(), pa.string())


def _lists(rows: Rows, name: str, holds: str, is_kind: Callable[[Any], bool]) -> pa.ChunkedArray:
    """A column of lists; DataError E308 where it holds something else."""
    column = rows.column(name)
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not is_kind(kind.value_type):
        what = f"{rows.origin}, column {name!r} holds {kind}, not lists of {holds}"
        raise DataError(what, code="E308", fix=f"name a column of lists of {holds}")
    return column


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _sentences(rows: Rows, words: str, tags: str) -> Sentences:
    names = rows.names.get(tags)
    columns = (
        _lists(rows, words, "words", _is_text),
        _lists(rows, tags, "tags", lambda kind: _is_text(kind) or (names is not None and pa.types.is_integer(kind))),
    )
    found = Sentences(
        words=[row or [] for row in columns[0].to_pylist()],
        tags=[row or [] for row in columns[1].to_pylist()],
        origin=rows.origin,
        splits=rows.splits,
    )
    problems: list[Problem] = []
    for i, (sentence, labels) in enumerate(zip(found.words, found.tags, strict=True)):
        if not sentence or not all(sentence):
            problems.append(found.problem("E318", i, "it has no words, or an empty one", "remove it, or complete it"))
        elif len(labels) != len(sentence):
            what = f"{len(sentence)} words, but {len(labels)} tags"
            problems.append(found.problem("E306", i, what, "give every word one tag"))
        elif any(_unnamed(tag, names) for tag in labels):
            bad = next(j for j, tag in enumerate(labels) if _unnamed(tag, names))
            what = f"the word {sentence[bad]!r} has the tag {labels[bad]!r}, which has no name"
            problems.append(found.problem("E313", i, what, "give it a tag, or leave the sentence out"))
        if len(problems) == _SHOWN:
            break
    if problems:
        raise DataError.collect(problems)
    if names is None:
        return found
    named = [[names[tag] for tag in row] for row in found.tags]  # type: ignore[call-overload]
    return Sentences(found.words, named, found.origin, found.splits)


def _unnamed(tag: Any, names: tuple[str, ...] | None) -> bool:
    return not tag if names is None else tag is None or not 0 <= tag < len(names)


def _sequences(rows: Rows, steps: tuple[str, ...], label: str) -> Sequences:
    columns = [_lists(rows, name, "numbers", _is_number) for name in steps]
    labels = ["" if cell is None else str(cell).strip() for cell in _named(rows, label).to_pylist()]
    items: list[Numbers] = []
    found = Sequences(items, labels, steps, rows.origin, splits=rows.splits)
    for i, cells in enumerate(zip(*(column.to_numpy() for column in columns), strict=True)):
        counts = [0 if cell is None else len(cell) for cell in cells]
        if not counts[0] or len(set(counts)) > 1:
            said = ", ".join(f"{count} in {name!r}" for name, count in zip(steps, counts, strict=True))
            what = f"a row needs as many steps in every column, and one at least; it has {said}"
            raise DataError.collect([found.problem("E306", i, what, "correct the row, or leave it out")])
        if not labels[i]:
            raise DataError.collect([found.problem("E313", i, "it has no label", "give it one, or leave it out")])
        items.append(np.stack([np.asarray(cell, dtype=np.float64) for cell in cells], axis=1))
    return found


def _document(rows: Rows, name: str) -> Document:
    column = rows.column(name)
    if not _is_text(column.type):
        what = f"{rows.origin}, column {name!r} holds {column.type}, not text"
        raise DataError(what, code="E308", fix="name a column of texts")

    def pieces() -> Iterator[str]:
        for chunk in column.chunks:
            for first in range(0, len(chunk), _BATCH):
                cells = chunk.slice(first, _BATCH).to_pylist()
                text = "".join(_line(cell) for cell in cells)
                yield from (text[at : at + PIECE] for at in range(0, len(text), PIECE))

    def fingerprint() -> str:
        whole = hashlib.sha256()
        for piece in pieces():
            whole.update(piece.encode())
        return whole.hexdigest()

    return Document(pieces, fingerprint, rows.origin)


def _line(cell: str | None) -> str:
    return "" if not cell else cell if cell.endswith("\n") else cell + "\n"
