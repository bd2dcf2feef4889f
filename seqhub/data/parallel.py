"""Parallel text: two files, of which line i of the one means line i of the other."""

from __future__ import annotations

from pathlib import Path

from seqhub.data.configs_parallel import ParallelConfig
from seqhub.data.files import existing, located
from seqhub.data.pairs import Pairs
from seqhub.data.splits import SPLITS
from seqhub.errors import DataError, Place
from seqhub.formats.encoding import plain_encoding, wrong_encoding

_Line = tuple[str, Path, int]  # text, file, line from 1


class ParallelSource:
    """Lines beside lines. With `{split}` in the paths each split has files of its own; `*` stands for several files,
    read in the order of their names.
    """

    def __init__(self, config: ParallelConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Pairs:
        """DataError E301, E302 or E304 where a file is missing, empty or in another encoding, E319 where two files have
        different numbers of lines.
        """
        pairs: list[tuple[_Line, _Line]] = []
        splits: dict[str, range] = {}
        own = "{split}" in self.config.source
        for split, name in zip(SPLITS, self.config.splits, strict=True) if own else [("", "")]:
            first = len(pairs)
            sides = [self._lines(path.replace("{split}", name)) for path in (self.config.source, self.config.target)]
            self._check_equal(*sides)
            pairs += zip(*sides, strict=True)
            splits[split] = range(first, len(pairs))
        found = Pairs(
            source=[one for (one, _, _), _ in pairs],
            target=[other for _, (other, _, _) in pairs],
            origin=f"{self.config.source} and {self.config.target}",
            splits=splits if own else None,
            locate=lambda i: (_place(pairs[i][0]), _place(pairs[i][1])),
        )
        found.require_texts()
        return found

    def _lines(self, named: str) -> list[_Line]:
        """The lines of a file, or of all that a pattern names."""
        folder, _, name = named.rpartition("/")
        if "*" not in name:
            return self._read(located(self.base_dir, named), named)
        files = sorted(located(self.base_dir, folder or ".").glob(name))
        if not files:
            fix = "check the pattern; it is relative to the recipe, or to the folder SEQHUB_DATA"
            raise DataError(f"no file is named {named}", code="E301", fix=fix)
        return [line for path in files for line in self._read(path, path.name)]

    def _read(self, path: Path, named: str) -> list[_Line]:
        existing(path, named)
        try:
            with path.open(encoding=plain_encoding(self.config.encoding)) as file:
                return [(line.rstrip("\n"), path, number) for number, line in enumerate(file, start=1)]
        except UnicodeError:
            raise wrong_encoding(path, named, self.config.encoding) from None

    def _check_equal(self, source: list[_Line], target: list[_Line]) -> None:
        if len(source) == len(target):
            return
        longer = max(source, target, key=len)
        _, path, number = longer[min(len(source), len(target))]
        what = f"{source[0][1].name} has {len(source)} lines, {target[0][1].name} has {len(target)}"
        fix = "line i of the one must mean line i of the other: remove what has no partner"
        raise DataError(what, code="E319", fix=fix, place=Place(str(path), number))


def _place(line: _Line) -> Place:
    text, path, number = line
    return Place(str(path), number, text=text)
