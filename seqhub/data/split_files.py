"""One file, or one for each split; read line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seqhub.data.configs_text import SplitFileConfig
from seqhub.data.files import existing, located
from seqhub.data.splits import SPLITS
from seqhub.errors import DataError, Place, Problem
from seqhub.formats.encoding import plain_encoding, wrong_encoding

SHOWN = 5  # bad lines that are reported


class Line(NamedTuple):
    """text without its newline; number from 1."""

    text: str
    path: Path
    number: int

    def place(self) -> Place:
        return Place(str(self.path), self.number, 1, self.text)


def split_names(config: SplitFileConfig) -> list[tuple[str, str]]:
    """(split, what stands for `{split}`) of each file; one of no split where the path has no `{split}`."""
    return list(zip(SPLITS, config.splits, strict=True)) if "{split}" in config.path else [("", "")]


def lines_of(base_dir: Path, named: str, encoding: str) -> Iterator[Line]:
    """The lines of a file, or of all that a `*` in its name stands for, in the order of their names.

    DataError E301, E302 or E304 where a file is missing, empty, or in another encoding.
    """
    folder, _, name = named.rpartition("/")
    paths = [located(base_dir, named)]
    if "*" in name:
        paths = sorted(located(base_dir, folder or ".").glob(name))
        if not paths:
            fix = "check the pattern; it is relative to the recipe, or to the folder SEQHUB_DATA"
            raise DataError(f"no file is named {named}", code="E301", fix=fix)
    for path in paths:
        existing(path, named if "*" not in name else path.name)
        try:
            with path.open(encoding=plain_encoding(encoding)) as file:
                for number, text in enumerate(file, start=1):
                    yield Line(text.rstrip("\n"), path, number)
        except UnicodeError:
            raise wrong_encoding(path, path.name, encoding) from None


def raise_first(problems: Sequence[Problem], origin: str) -> None:
    """DataError with the first of the problems, and how many more there are; nothing where there are none."""
    if not problems:
        return
    shown = list(problems[:SHOWN])
    if len(problems) > SHOWN:
        last = shown[-1]
        message = f"{last.message} (and {len(problems) - SHOWN} more such lines in {origin})"
        shown[-1] = Problem(last.code, message, last.fix, last.place)
    raise DataError.collect(shown)
