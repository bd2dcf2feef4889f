"""Raw text as the ids that a model reads: the tokeniser, and the spelling of words where it reads that too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqhub.errors import BundleError, DataError, Place
from seqhub.text import UNKNOWN, Tokenizer, Vocabulary, restore

SUFFIXES = (".txt", ".jsonl", ".csv")


@dataclass(frozen=True)
class TextInput:
    """What a text task's manifest says of its input.

    letters: ids of the characters that spell a word, 0 none and 1 any other; `columns` of them beside a token.
    words: regular expression of a word in raw text, for a task that answers word by word; empty for others.
    whole: a file is one text, not one a line.
    """

    tokenizer: Tokenizer
    letters: Vocabulary | None = None
    columns: int = 0
    words: str = ""
    whole: bool = False

    def split(self, text: str) -> list[str]:
        """The words of raw text."""
        return re.findall(self.words, text)

    def ids(self, text: str | Sequence[str]) -> np.ndarray:
        """Raw text, or words that are apart already -> ids [T 1 + columns]."""
        if not self.words:
            given = text if isinstance(text, str) else " ".join(text)
            return np.array(self.tokenizer.encode(given), dtype=np.int64).reshape(-1, 1)
        words = self.split(text) if isinstance(text, str) else list(text)
        return word_ids(words, self.tokenizer, self.letters, self.columns)


def text_input(task: Mapping[str, Any]) -> TextInput | None:
    """None where the task reads numbers, or text with a tokeniser that seqhub does not bring."""
    if "tokenizer" not in task or task.get("type") not in ("language-model", "classify", "tag", "translate"):
        return None
    letters = Vocabulary.from_dict(task["letters"]) if task.get("letters") else None
    try:
        tokenizer = restore(task["tokenizer"])
    except DataError:  # a plugin's: the bundle takes ids
        return None
    return TextInput(
        tokenizer=tokenizer,
        letters=letters,
        columns=int(task.get("columns", 0)),
        words=str(task.get("words", "")),
        whole=task["type"] == "language-model",
    )


def word_ids(words: Sequence[str], tokenizer: Tokenizer, letters: Vocabulary | None, columns: int) -> np.ndarray:
    """[T 1 + columns]: a word's id, then its characters: of one longer than `columns` the first and the last half."""
    found = np.zeros((len(words), 1 + columns), dtype=np.int64)
    unknown = tokenizer.vocabulary.id(UNKNOWN)
    for row, word in zip(found, words, strict=True):
        pieces = tokenizer.encode(word)
        row[0] = pieces[0] if len(pieces) == 1 else unknown
        if letters is not None:
            kept = word if len(word) <= columns else word[: columns // 2] + word[-(columns - columns // 2) :]
            row[1 : 1 + len(kept)] = [letters.id(letter) for letter in kept]
    return found


def read_texts(path: Path, column: str, *, whole: bool) -> list[tuple[str, str | list[str]]]:
    """(name, text) of each text of a file: a line of .txt (or all of it), `column` of .csv and .jsonl.

    In .jsonl it may be a list of words. Raises BundleError E713 with the line.
    """
    try:
        if path.suffix.lower() == ".csv":
            found = _csv_texts(path, column)
        elif whole and path.suffix.lower() == ".txt":
            found = [(path.name, path.read_text(encoding="utf-8-sig"))]
        else:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
            kept = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
            jsonl = path.suffix.lower() == ".jsonl"
            found = [(f"line {n}", _json_text(path, n, line, column) if jsonl else line) for n, line in kept]
    except UnicodeDecodeError:
        raise BundleError(f"'{path}' is not UTF-8 text", fix="save the file as UTF-8", code="E713") from None
    if not any(text for _, text in found):
        raise BundleError(f"'{path}' holds no text", fix="give one text a line", code="E713")
    return found


def _csv_texts(path: Path, column: str) -> list[tuple[str, str | list[str]]]:
    import csv

    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        names = list(rows.fieldnames or ())
        if column not in names:
            what = f"there is no column '{column}'; the columns are {', '.join(names) or 'none'}"
            raise BundleError(what, fix=f"name the column of texts '{column}'", code="E713", place=Place(str(path), 1))
        return [(f"line {rows.line_num}", row[column] or "") for row in rows]


def _json_text(path: Path, number: int, line: str, column: str) -> str | list[str]:
    place = Place(str(path), number)
    try:
        text = json.loads(line)
    except json.JSONDecodeError as error:
        raise BundleError(f"this is not JSON: {error}", fix="one JSON value a line", code="E713", place=place) from None
    if isinstance(text, dict):
        text = text.get(column)
    if isinstance(text, str) or (isinstance(text, list) and all(isinstance(word, str) for word in text)):
        return text
    what = f"there is no text: expected a string, or an object with '{column}'"
    raise BundleError(what, fix=f'write {{"{column}": "..."}}', code="E713", place=place)
