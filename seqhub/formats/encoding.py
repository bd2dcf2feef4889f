"""How the bytes of a text file make text."""

from __future__ import annotations

import codecs
from pathlib import Path

from seqhub.errors import DataError, Place


def plain_encoding(encoding: str) -> str:
    """The codec's own name; UTF-8 without its byte order mark."""
    name = codecs.lookup(encoding).name
    return "utf-8-sig" if name == "utf-8" else name


def wrong_encoding(path: Path, origin: str, encoding: str) -> DataError:
    """What to say of a file whose bytes are not in its encoding: the first line where they are not."""
    line, what = 1, ""
    with path.open("rb") as file:
        guess = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        file.seek(0)
        for number, data in enumerate(file, start=1):
            try:
                data.decode(encoding)
            except UnicodeDecodeError as error:
                line, what = number, f" line {number}: byte 0x{data[error.start]:02x}"
                break
    fix = f"save the file as UTF-8, or say how it is written, as in encoding: {guess}"
    return DataError(f"{origin}{what} is not {encoding} text", code="E304", fix=fix, place=Place(str(path), line))
