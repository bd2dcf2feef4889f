"""Sentences a token a line: columns as in CoNLL-2003, and treebanks in CoNLL-U (universaldependencies.org/format)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from seqhub.data.configs_text import ConllConfig, ConlluConfig, SplitFileConfig
from seqhub.data.split_files import Line, lines_of, raise_first, split_names
from seqhub.data.texts import Sentences
from seqhub.errors import DataError, Problem

_COLUMNS = {"upos": 3, "xpos": 4, "deprel": 7}


class _TokenLines(ABC):
    """Sentences apart by empty lines; `_token` says what a line holds."""

    def __init__(self, config: SplitFileConfig, base_dir: Path) -> None:
        self._config, self._base_dir = config, base_dir

    @abstractmethod
    def _token(self, line: Line) -> tuple[str, str] | Problem | None:
        """Word and tag; None where the line holds neither."""

    def _tokens(self, sentence: list[Line]) -> list[tuple[str, str] | Problem | None]:
        """What each line of a sentence holds."""
        return [self._token(line) for line in sentence]

    def read(self) -> Sentences:
        """DataError E301 to E304 where a file cannot be read, E306 for a line that lacks a column or is out of order,
        E313 for a word without a tag.
        """
        words: list[list[str]] = []
        tags: list[list[str]] = []
        first: list[Line] = []
        problems: list[Problem] = []
        splits: dict[str, range] = {}
        names = split_names(self._config)
        for split, name in names:
            begin = len(words)
            named = self._config.path.replace("{split}", name)
            for sentence in self._sentences(named):
                found = self._tokens(sentence)
                problems += [token for token in found if isinstance(token, Problem)]
                pairs = [token for token in found if isinstance(token, tuple)]
                if pairs:
                    words.append([word for word, _ in pairs])
                    tags.append([tag for _, tag in pairs])
                    first.append(sentence[0])
            if len(words) == begin and not problems:
                raise DataError(f"{named} holds no sentence", code="E303", fix="give a token a line, its tag behind it")
            splits[split] = range(begin, len(words))
        raise_first(problems, self._config.path)
        return Sentences(
            words=words,
            tags=tags,
            origin=self._config.path,
            splits=splits if len(names) > 1 else None,
            locate=lambda i: first[i].place(),
        )

    def _sentences(self, named: str) -> Iterator[list[Line]]:
        """The lines of each sentence."""
        held: list[Line] = []
        for line in lines_of(self._base_dir, named, self._config.encoding):
            if line.text.strip():
                held.append(line)
            elif held:
                yield held
                held = []
        if held:
            yield held


class ConllSource(_TokenLines):
    """Columns apart by blanks, as in CoNLL-2003; lines of -DOCSTART- are left out."""

    def __init__(self, config: ConllConfig, base_dir: Path) -> None:
        super().__init__(config, base_dir)
        self.config = config

    def _token(self, line: Line) -> tuple[str, str] | Problem | None:
        cells = line.text.split()
        if cells[0] == "-DOCSTART-":
            return None
        word, tag = self.config.word, self.config.tag
        needed = max(word + 1, tag + 1 if tag >= 0 else 2, 2)
        if len(cells) < needed:
            what = f"{line.path.name} line {line.number} has {len(cells)} columns, {needed} expected"
            return Problem("E306", what, "give each word a tag, or name other columns", line.place())
        return cells[word], cells[tag]


class ConlluSource(_TokenLines):
    """Ten columns apart by tabs; words that a token was made of (1-2) and empty nodes (8.1) are left out.

    The words of a sentence are counted from 1 on, so that an empty line that is missing does not join two sentences.
    """

    def __init__(self, config: ConlluConfig, base_dir: Path) -> None:
        super().__init__(config, base_dir)
        self.column = config.column

    def _tokens(self, sentence: list[Line]) -> list[tuple[str, str] | Problem | None]:
        found, due = super()._tokens(sentence), 1
        for i, line in enumerate(sentence):
            if not isinstance(found[i], tuple):
                continue
            number = line.text.partition("\t")[0]
            if number != str(due):
                what = f"{line.path.name} line {line.number} is word {number!r} of its sentence, {due} was due"
                fix = "put an empty line between sentences, and count words from 1 on"
                return [*found[:i], Problem("E306", what, fix, line.place())]  # all that follow are as wrong
            due += 1
        return found

    def _token(self, line: Line) -> tuple[str, str] | Problem | None:
        if line.text.startswith("#"):
            return None
        cells, where = line.text.split("\t"), f"{line.path.name} line {line.number}"
        if len(cells) != 10:
            what = f"{where} has {len(cells)} columns apart by tabs, CoNLL-U has 10"
            return Problem("E306", what, "write _ for what is not known, and tabs between columns", line.place())
        if "-" in cells[0] or "." in cells[0]:
            return None
        tag = cells[_COLUMNS[self.column]]
        if tag == "_":
            what = f"{where}: the word {cells[1]!r} has no {self.column}"
            return Problem("E313", what, "annotate it, or read another column", line.place())
        return cells[1], tag
