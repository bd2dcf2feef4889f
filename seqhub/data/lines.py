"""Texts with labels, a line each: quotes are text, so nothing has to be escaped."""

from __future__ import annotations

from pathlib import Path

from seqhub.data.configs_text import LinesConfig
from seqhub.data.split_files import Line, lines_of, raise_first, split_names
from seqhub.data.texts import Texts
from seqhub.data.word_lines import side_by_side
from seqhub.errors import DataError, Problem


class LinesSource:
    """`text TAB label` lines, or texts in one file and labels in another."""

    def __init__(self, config: LinesConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Texts:
        """DataError E301 to E304 where a file cannot be read, E306 for a line without a delimiter, E313 for a text
        without a label, E318 for a label without a text, E319 where two files differ in lines.
        """
        found: list[tuple[str, str, Line]] = []
        problems: list[Problem] = []
        splits: dict[str, range] = {}
        names = split_names(self.config)
        for split, name in names:
            begin = len(found)
            for text, label, line in self._pairs(name, problems):
                if not text or not label:
                    code, lacks = ("E313", "label") if text else ("E318", "text")
                    what = f"{line.path.name} line {line.number} has no {lacks}"
                    problems.append(Problem(code, what, f"give it a {lacks}, or remove the line", line.place()))
                found.append((text, label, line))
            splits[split] = range(begin, len(found))
        raise_first(problems, self.config.path)
        if not found:
            raise DataError(f"{self.config.path} has no texts", code="E303", fix="give a text and a label a line")
        return Texts(
            texts=[text for text, _, _ in found],
            labels=[label for _, label, _ in found],
            origin=self.config.path,
            splits=splits if len(names) > 1 else None,
            locate=lambda i: found[i][2].place(),
        )

    def _pairs(self, name: str, problems: list[Problem]) -> list[tuple[str, str, Line]]:
        config = self.config
        lines = list(lines_of(self.base_dir, config.path.replace("{split}", name), config.encoding))
        if config.labels is not None:
            labels = list(lines_of(self.base_dir, config.labels.replace("{split}", name), config.encoding))
            return [(one.text.strip(), other.text.strip(), one) for one, other in side_by_side(lines, labels)]
        pairs = []
        for line in lines:
            if not line.text.strip():
                continue  # an empty line between others says nothing
            text, there, label = line.text.rpartition(config.delimiter)
            if there:
                pairs.append((text.strip(), label.strip(), line))
                continue
            what = f"{line.path.name} line {line.number} has no {config.delimiter!r} between a text and its label"
            problems.append(Problem("E306", what, "write the label behind the text, or set delimiter", line.place()))
        return pairs
