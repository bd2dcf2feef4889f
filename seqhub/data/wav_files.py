"""Recordings: a folder of sound files whose names say what is said, or a list of files with texts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from seqhub.audio import SUFFIXES, read_sound
from seqhub.data.configs import CsvConfig
from seqhub.data.configs_audio import WavConfig
from seqhub.data.csv_file import CsvSource
from seqhub.data.files import located
from seqhub.data.nearest import nearest
from seqhub.data.table import Sequences
from seqhub.errors import DataError


class WavSource:
    """Sequences [T 1] of samples; a label is the text of the recording."""

    def __init__(self, config: WavConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir
        self.path = located(base_dir, config.path)

    def read(self) -> Sequences:
        """Every recording, in the order of names (of a folder) or of lines (of a list).

        Raises DataError: E301 no such folder or file, E302 no recordings, E313 a name that the expression does not
        find, an empty text, or a recording that is listed twice, E314 another rate, E300 a damaged file.
        """
        listed = self._from_folder() if self.path.is_dir() else self._from_list()
        items = [self._samples(path, name) for path, name, _ in listed]
        return Sequences(
            items=items,
            labels=[text for _, _, text in listed],
            features=("sample",),
            origin=self.config.path,
            names=tuple(name for _, name, _ in listed),
            rate_hz=self.config.rate_hz,
        )

    def _from_folder(self) -> list[tuple[Path, str, str]]:
        files = sorted(path for path in self.path.iterdir() if path.suffix.lower() in SUFFIXES)
        if not files:
            what = f"{self.config.path} holds no sound files"
            raise DataError(what, code="E302", fix=f"files that are read end in {', '.join(SUFFIXES)}")
        if self.config.text is None:
            what = f"{self.config.path} is a folder, and nothing says what is said in its recordings"
            raise DataError(what, code="E313", fix=r"set data.source.text, as in '(?P<text>\w+)\.wav', or name a list")
        return [(path, path.name, self._text_of(path.name)) for path in files]

    def _text_of(self, name: str) -> str:
        found = re.search(self.config.text or "", name)
        if found is None:
            what = f"{self.config.path}: the expression {self.config.text!r} finds nothing in the name {name!r}"
            raise DataError(what, code="E313", fix="change data.source.text, or move the file away")
        raw = found.group("text")
        words = dict(entry.split("=", 1) for entry in self.config.spell)
        if not words:
            return raw
        parts = raw.split(self.config.separator) if self.config.separator else list(raw)
        unknown = next((part for part in parts if part not in words), None)
        if unknown is not None:
            what = f"{self.config.path}: {name!r} holds the part {unknown!r}, which data.source.spell does not name"
            raise DataError(what, code="E313", fix=nearest(unknown, words, "parts"))
        return " ".join(words[part] for part in parts)

    def _from_list(self) -> list[tuple[Path, str, str]]:
        table = CsvSource(CsvConfig(path=self.config.path, delimiter=",", encoding="utf-8"), self.base_dir).read()
        table.require(["path", "text"])
        found: list[tuple[Path, str, str]] = []
        rows: dict[str, int] = {}
        for row, (name, text) in enumerate(zip(table.column("path"), table.column("text"), strict=True)):
            if not str(text).strip():
                raise DataError.collect([table.problem("E313", row, "text", "it is empty", "say what is said")])
            if str(name) in rows:
                what = f"{str(name)!r} is listed twice, first on {table.line(rows[str(name)])}"
                raise DataError.collect([table.problem("E313", row, "path", what, "list each recording once")])
            rows[str(name)] = row
            path = self.path.parent / str(name)
            if not path.is_file():
                what = f"there is no file {str(name)!r}"
                raise DataError.collect([table.problem("E301", row, "path", what, f"look in {self.path.parent}")])
            found.append((path, str(name), str(text).strip()))
        return found

    def _samples(self, path: Path, name: str) -> np.ndarray:
        sound = read_sound(path, f"{self.config.path}/{name}" if self.path.is_dir() else name)
        if sound.rate != self.config.rate_hz:
            what = f"{name} has {sound.rate} samples a second, expected {self.config.rate_hz}"
            raise DataError(what, code="E314", fix=f"set data.source.rate_hz: {sound.rate}, or convert the file")
        return sound.samples[:, None]
