"""A file of running text, decoded piece by piece."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from pathlib import Path

from seqhub.data.configs_text import TextConfig
from seqhub.data.document import PIECE, Document
from seqhub.data.files import existing, located
from seqhub.errors import DataError, Place


class TextSource:
    """The whole file as one text; a byte order mark is left out, and every line ends with a newline alone."""

    def __init__(self, config: TextConfig, base_dir: Path) -> None:
        self.config = config
        self.path = located(base_dir, config.path)
        self.origin = config.path

    def read(self) -> Document:
        """DataError E301, E302 or E304 where the file is missing, empty or in another encoding; the last only once the
        text is read.
        """
        existing(self.path, self.origin)
        return Document(self._pieces, self._fingerprint, self.origin)

    def _pieces(self) -> Iterator[str]:
        with self.path.open(encoding=plain_encoding(self.config.encoding)) as file:
            while True:
                try:
                    piece = file.read(PIECE)
                except UnicodeError:
                    raise wrong_encoding(self.path, self.origin, self.config.encoding) from None
                if not piece:
                    return
                yield piece

    def _fingerprint(self) -> str:
        with self.path.open("rb") as file:
            return f"{hashlib.file_digest(file, 'sha256').hexdigest()} {plain_encoding(self.config.encoding)}"


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
