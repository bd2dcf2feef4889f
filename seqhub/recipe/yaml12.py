"""YAML text -> tree of nodes with places, over PyYAML's parser; everything that is not plain data is refused.

PyYAML reads the syntax; the values are ours, since its YAML 1.1 makes `1e-3` a string, `no` a boolean and `010` eight,
and lets the last of two equal keys win.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from seqhub.errors import Place, Problem
from seqhub.recipe.nodes import Entry, Mapping, Node, Scalar, Sequence

LARGEST = 256 * 1024  # bytes; a recipe has two or three thousand
_DEEPEST = 40
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WIDEST = 160  # characters of a source line in a message


class _Refused(Exception):
    """The rest of the text cannot be read; the problem is recorded."""


@dataclass
class _Composer:
    text: str
    file: str
    lined: bool = True
    problems: list[Problem] = field(default_factory=list)
    long_quote: Any = None  # mark of the last quote that closes on a later line: often the one that was forgotten

    def __post_init__(self) -> None:
        self.lines = _BREAK.split(self.text)
        self.events: Iterator[yaml.Event] = iter(())

    def place(self, line: int, column: int) -> Place:
        """From PyYAML's counts, which start at 0."""
        if not self.lined:
            return Place(self.file, 0)
        text = self.lines[line] if line < len(self.lines) else ""
        if len(text) > _WIDEST:  # show the part around the caret; the column in the head stays the true one
            return Place(self.file, line + 1, column + 1, "")
        return Place(self.file, line + 1, column + 1, text.replace("\t", " "))

    def at(self, mark: Any) -> Place:
        """From PyYAML's mark; events and errors always have one."""
        return self.place(mark.line, mark.column)

    def report(self, code: str, message: str, fix: str, place: Place) -> None:
        self.problems.append(Problem(code, message, fix, place))

    def compose(self) -> Node | None:
        """The only document, or None where it could not be read to its end."""
        try:
            self.events = yaml.parse(self.text, Loader=yaml.SafeLoader)
            return self._document()
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except yaml.reader.ReaderError as error:
            before = _BREAK.split(self.text[: error.position])
            place = self.place(len(before) - 1, len(before[-1]))
            self.report(
                "E109", f"character U+{_ordinal(error.character):04X} is not allowed in YAML", "remove it", place
            )
        except _Refused:
            pass
        return None

    def _document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self.report(
                        "E107",
                        "a second document begins",
                        "one file is one recipe: split it",
                        self.at(event.start_mark),
                    )
                    raise _Refused
                if event.tags or (event.version and event.version != (1, 2)):
                    self.report(
                        "E107", "YAML directives are not used in recipes", "remove the line", self.at(event.start_mark)
                    )
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, 0)
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self.at(event.start_mark)
        if depth > _DEEPEST:
            self.report("E110", f"nested deeper than {_DEEPEST} levels", "recipes are flat: check the brackets", place)
            raise _Refused
        if isinstance(event, yaml.AliasEvent):
            self.report("E107", f"alias '*{event.anchor}' is not allowed", "write the value again", place)
            return Scalar(place, "", quoted=True)
        self._refuse_decoration(event, place)
        if isinstance(event, yaml.ScalarEvent):
            if event.style in ("'", '"') and self.at(event.end_mark).line > place.line:
                self.long_quote = event.start_mark
            return Scalar(place, event.value, quoted=event.style is not None)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(self.events), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return Sequence(place, tuple(items))
        return self._mapping(place, depth)

    def _refuse_decoration(self, event: yaml.Event, place: Place) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            self.report("E107", f"anchor '&{anchor}' is not allowed", "remove it, and write shared values again", place)
        if tag:
            fix = "remove it: a recipe is plain data and never runs code"
            self.report("E107", f"tag '{tag}' is not allowed", fix, place)

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                self.report("E107", "a key is a word, not a list or a mapping", "write it as `key: value`", key.place)
            elif key.text == "<<" and not key.quoted:
                self.report("E107", "merge key '<<' is not allowed", "write the keys again", key.place)
            elif first := entries.get(key.text):
                fix = f"first written at line {first.place.line}; delete one" if self.lined else "write it once"
                self.report("E101", f"key '{key.text}' is written twice", fix, key.place)
            else:
                entries[key.text] = Entry(key.place, key.text, value)
        return Mapping(place, tuple(entries.values()))

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        problem = error.problem or "not valid YAML"
        mark = error.problem_mark or error.context_mark
        message, fix = problem, "see yaml.org/spec/1.2.2 or check brackets, quotes and indentation around here"
        if self.long_quote is not None:
            message, fix, mark = "this quote is not closed on its line", "close it", self.long_quote
        elif found := re.match(r"found character (.*) that cannot start any token", problem):
            if found[1] == r"'\t'":
                message, fix = "a tab stands where YAML takes only spaces", "indent with spaces"
            else:
                message, fix = f"a value cannot begin with {found[1]}", "put the value in quotes"
        elif problem == "mapping values are not allowed here":
            message, fix = "a ':' stands where no key can be", "check the indentation, or put the value in quotes"
        elif problem == "could not find expected ':'":
            message, fix, mark = "this line is no `key: value`", "add ': ' and a value", error.context_mark or mark
        elif problem.startswith("expected <block end>"):
            message, fix = "the indentation fits no block above", "align it with its neighbours"
        elif problem.startswith(("expected ',' or", "did not find expected ',' or")):
            opened = error.context_mark
            where = f", opened at line {opened.line + 1}," if opened and self.lined else ""
            message, fix = f"the bracket{where} is not closed here", "add ',' between entries, or close the bracket"
        elif "end of stream" in problem or "document separator" in problem:
            message, fix, mark = "this quote is not closed", "close it", error.context_mark or mark
        elif "chomping or indentation" in problem:
            message, fix = "a value cannot begin with '>' or '|'", "put the value in quotes"
        self.report("E106", message, fix, self.at(mark) if mark else self.place(0, 0))


def _ordinal(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


def parse_yaml(text: str, file: str, *, lined: bool = True) -> tuple[Node | None, list[Problem]]:
    """The tree, and what is wrong with the text. `lined=False` for a command-line option: places name `file` alone."""
    composer = _Composer(text, file, lined)
    root = composer.compose()
    return root, composer.problems


def parse_bytes(data: bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The same from the bytes of a file: UTF-8, not empty, not huge, a mapping at the top."""
    start = Place(file, 1, 1)
    if len(data) > LARGEST:
        fix = "a recipe is a page of YAML: is this the data?"
        return None, [Problem("E110", f"{len(data):,} bytes is too large for a recipe", fix, start)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace").split("\n")
        place = Place(file, len(before), len(before[-1]) + 1)
        return None, [Problem("E109", f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8", place)]
    root, problems = parse_yaml(text, file)
    if not problems and root is None:
        return None, [Problem("E108", "the recipe is empty", "start from one: `seqhub recipes list`", start)]
    if root is not None and not isinstance(root, Mapping):
        fix = "begin with `recipe: 1`; every line at the left margin is `key: value`"
        problems.append(Problem("E108", "the recipe is no mapping of keys to values", fix, root.place))
        return None, problems
    return root, problems
