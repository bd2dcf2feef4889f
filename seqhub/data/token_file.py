"""A document as ids in a file: read where they are needed, so that a text larger than memory trains.

The text is cut at character positions into train, valid and test, the tokeniser is fitted on train alone, and the ids
of the three lie one after the other in one `.npy` file (uint16, or int32 from 65,537 tokens up). The file is kept in
the cache under a key of the text and of everything that made ids of it; a JSON file beside it says that it is complete.

Ids are read by position rather than through a memory map: the pages of a map would count as the process's memory.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from seqhub.data.cache import cache_folder, written_whole
from seqhub.data.document import Document, at_blanks, cut
from seqhub.data.splits import SPLITS, Span
from seqhub.errors import DataError
from seqhub.text import UNKNOWN, Tokenizer

FIT = 20_000_000  # first characters of train that a tokeniser is fitted on: enough, and its counts stay in memory
_FORMAT = 1
_LARGEST_UINT16 = 1 << 16
SPECIALS = (UNKNOWN,)  # a text that never ends needs no others


@dataclass(frozen=True)
class TokenFile:
    """parts: the positions of each split's ids in the file.  characters: of each split's text."""

    path: Path
    dtype: str
    offset: int
    parts: dict[str, Span]
    characters: dict[str, int]
    tokenizer: Tokenizer
    origin: str
    notes: tuple[str, ...]

    def read(self, first: int, stop: int) -> NDArray[np.int64]:
        """The ids at positions first to stop - 1."""
        size = np.dtype(self.dtype).itemsize
        ids = np.fromfile(self.path, self.dtype, stop - first, offset=self.offset + first * size)
        return ids.astype(np.int64)


def token_file(document: Document, tokenizer: Tokenizer, name: str, valid: float, test: float) -> TokenFile:
    """The ids of a document, out of the cache where they are there.

    name: of the tokeniser, exactly, with its options.  valid, test: shares of the characters, taken from the end.
    DataError where a split would be empty, or the text cannot be read.
    """
    what = {"format": _FORMAT, "text": document.fingerprint(), "tokenizer": name, "valid": valid, "test": test}
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:24]
    path, facts = cache_folder("tokens") / f"{key}.npy", cache_folder("tokens") / f"{key}.json"
    if not (path.is_file() and facts.is_file()):
        _write(document, tokenizer, path, facts, valid, test)
    found = json.loads(facts.read_text(encoding="utf-8"))
    with path.open("rb") as file:
        shape, dtype, offset = _header(file)
    if path.stat().st_size != offset + shape * dtype.itemsize:
        message = f"{path} is not whole: it has {path.stat().st_size} bytes"
        raise DataError(message, code="E300", fix=f"remove {path}; it is made again")
    stops = list(itertools.accumulate(found["tokens"], initial=0))
    tokenizer.load(found["vocabulary"])
    return TokenFile(
        path=path,
        dtype=dtype.str,
        offset=offset,
        parts={split: Span(*stops[i : i + 2]) for i, split in enumerate(SPLITS)},
        characters=dict(zip(SPLITS, found["characters"], strict=True)),
        tokenizer=tokenizer,
        origin=document.origin,
        notes=document.notes,
    )


def _write(document: Document, tokenizer: Tokenizer, path: Path, facts: Path, valid: float, test: float) -> None:
    total = sum(map(len, document.pieces()))
    sizes = [0, round(total * valid), round(total * test)]
    sizes[0] = total - sum(sizes)
    for split, size in zip(SPLITS, sizes, strict=True):
        if size < 2:
            what = f"{document.origin} has {total} characters, {size} of them for {split}"
            raise DataError(what, code="E311", fix=f"give more text, or a larger share for {split}")
    train = (piece for _, piece in cut(document.pieces(), [min(sizes[0], FIT)]))
    vocabulary = tokenizer.fit(at_blanks(train), SPECIALS)
    with written_whole(path) as draft:
        counts = _encode(draft, document, tokenizer, sizes)
    for split, count in zip(SPLITS, counts, strict=True):
        if count < 2:
            what = f"{document.origin}: the text of {split} is {count} tokens"
            raise DataError(what, code="E311", fix=f"give more text, or a larger share for {split}")
    with written_whole(facts) as draft:
        content = {"tokens": counts, "characters": sizes, "vocabulary": vocabulary}
        draft.write_text(json.dumps(content), encoding="utf-8")


def _encode(path: Path, document: Document, tokenizer: Tokenizer, sizes: list[int]) -> list[int]:
    """Write the ids of all parts; gives their numbers."""
    dtype = np.dtype(np.uint16 if tokenizer.size <= _LARGEST_UINT16 else np.int32)
    counts = [0] * len(sizes)
    with path.open("wb") as file:
        _write_header(file, dtype, 0)
        for part, text in _parts(document, sizes):
            ids = np.array(tokenizer.encode(text), dtype=dtype)
            counts[part] += len(ids)
            file.write(ids.tobytes())
        file.seek(0)
        _write_header(file, dtype, sum(counts))  # numpy leaves room for a longer shape: the ids stay where they are
    return counts


def _parts(document: Document, sizes: list[int]) -> Iterator[tuple[int, str]]:
    """(part, text): no word is cut but where two parts meet."""
    for part, group in itertools.groupby(cut(document.pieces(), sizes), key=lambda pair: pair[0]):
        texts: Iterable[str] = (text for _, text in group)
        yield from ((part, text) for text in at_blanks(texts))


def _write_header(file: IO[bytes], dtype: np.dtype[Any], count: int) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, header)


def _header(file: IO[bytes]) -> tuple[int, np.dtype[Any], int]:
    """Number of ids, their type, and the byte where they begin."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return int(shape[0]), dtype, file.tell()
