"""The tree of a YAML text: scalars, sequences, mappings, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqhub.errors import Place

Plain = bool | int | float | str | None  # what a scalar can be

_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_LONGEST_NUMBER = 400  # characters; Python itself refuses to read integers of more than 4300 digits


@dataclass(frozen=True)
class Scalar:
    place: Place
    text: str
    quoted: bool = False

    @property
    def value(self) -> Plain:
        """By the core schema of YAML 1.2: `1e-3` is a float, `no` a string, `010` is ten, `0o10` eight."""
        return self.text if self.quoted else plain_value(self.text)


@dataclass(frozen=True)
class Sequence:
    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Entry:
    place: Place  # of the key
    key: str
    node: Node


@dataclass(frozen=True)
class Mapping:
    place: Place
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


Node = Scalar | Sequence | Mapping


def plain_value(text: str) -> Plain:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def plain(node: Node) -> object:
    """Nested dicts and lists of plain values."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {entry.key: plain(entry.node) for entry in node.entries}


def describe(node: Node) -> str:
    """The value as an error message shows it."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(text="", quoted=False):
            return "nothing"
        case Scalar(quoted=True) | Scalar(value=str()):
            text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
            return repr(text)
        case _:
            return node.text if len(node.text) <= 60 else node.text[:57] + "..."
