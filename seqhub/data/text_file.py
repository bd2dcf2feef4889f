"""A file of running text, decoded piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from seqhub.data.configs_text import TextConfig
from seqhub.data.document import PIECE, Document
from seqhub.data.files import existing, located
from seqhub.formats.encoding import plain_encoding, wrong_encoding


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
