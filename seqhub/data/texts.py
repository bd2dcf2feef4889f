"""Texts with labels, and sentences with a tag for each word: what the sources of text give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from seqhub.errors import Place, Problem


@dataclass(frozen=True)
class Texts:
    """texts: of any length.  labels: one a text.  splits: the positions of each split's texts, where the source has its
    own.  locate: the place of a text, where it came from a file.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    origin: str
    splits: dict[str, range] | None = None
    notes: tuple[str, ...] = ()
    locate: Callable[[int], Place] | None = field(default=None, repr=False)

    def problem(self, code: str, index: int, what: str, fix: str) -> Problem:
        """A problem with one text: `reviews.tsv line 7: what`."""
        return _problem(self.origin, self.locate, code, index, what, fix)


@dataclass(frozen=True)
class Sentences:
    """words, tags: one list each a sentence, of one length.  splits, locate: as of `Texts`; a sentence's place is that
    of its first word.
    """

    words: Sequence[Sequence[str]]
    tags: Sequence[Sequence[str]]
    origin: str
    splits: dict[str, range] | None = None
    notes: tuple[str, ...] = ()
    locate: Callable[[int], Place] | None = field(default=None, repr=False)

    def problem(self, code: str, index: int, what: str, fix: str) -> Problem:
        """A problem with one sentence."""
        return _problem(self.origin, self.locate, code, index, what, fix)


def _problem(origin: str, locate: Callable[[int], Place] | None, code: str, index: int, what: str, fix: str) -> Problem:
    place = locate(index) if locate else None
    where = f"line {place.line}" if place else f"item {index + 1}"
    if place and any(sign in origin for sign in ("{split}", "*")):  # of several files, the one where it is
        origin = PurePath(place.file).name
    return Problem(code, f"{origin} {where}: {what}", fix, place)
