"""Sentences a line: words in one file, their tags in another, both apart by blanks."""

from __future__ import annotations

from pathlib import Path

from seqhub.data.configs_text import WordLinesConfig
from seqhub.data.split_files import Line, lines_of, raise_first, split_names
from seqhub.data.texts import Sentences
from seqhub.errors import DataError, Problem


class WordLinesSource:
    """Line i of the one file holds the tags of line i of the other, as many as it has words."""

    def __init__(self, config: WordLinesConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Sentences:
        """DataError E301 to E304 where a file cannot be read, E319 where the files differ in lines, E306 where a line
        has more or fewer tags than words, E318 where it has none.
        """
        config = self.config
        pairs: list[tuple[Line, Line]] = []
        splits: dict[str, range] = {}
        names = split_names(config)
        for split, name in names:
            begin = len(pairs)
            both = (config.path.replace("{split}", name), config.tags.replace("{split}", name))
            pairs += side_by_side(*(list(lines_of(self.base_dir, path, config.encoding)) for path in both))
            splits[split] = range(begin, len(pairs))
        raise_first([problem for pair in pairs for problem in _problems(*pair)], config.path)
        return Sentences(
            words=[words.text.split() for words, _ in pairs],
            tags=[tags.text.split() for _, tags in pairs],
            origin=config.path,
            splits=splits if len(names) > 1 else None,
            locate=lambda i: pairs[i][0].place(),
        )


def side_by_side(one: list[Line], other: list[Line]) -> list[tuple[Line, Line]]:
    """Line by line; DataError E319 where one file has more lines than the other."""
    if len(one) != len(other):
        longer = max(one, other, key=len)[min(len(one), len(other))]
        what = f"{one[0].path.name} has {len(one)} lines, {other[0].path.name} has {len(other)}"
        fix = "line i of the one must belong to line i of the other: remove what has no partner"
        raise DataError(what, code="E319", fix=fix, place=longer.place())
    return list(zip(one, other, strict=True))


def _problems(words: Line, tags: Line) -> list[Problem]:
    counts = len(words.text.split()), len(tags.text.split())
    where = f"{words.path.name} line {words.number}"
    if not counts[0]:
        return [Problem("E318", f"{where} has no word", "remove the line from both files", words.place())]
    if counts[0] != counts[1]:
        what = f"{where} has {counts[0]} words, but {counts[1]} tags in {tags.path.name}"
        return [Problem("E306", what, "give every word one tag", tags.place())]
    return []
