"""Texts with labels, and sentences with a tag for each word: what the sources of text give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from seqhub.data.table import numbered
from seqhub.errors import Place, Problem


@dataclass(frozen=True)
class Texts:
    """texts: of any length.  labels: one a text.  splits: the positions of each split's texts, where the source has its
    own.  locate: the place of a text, where it came from a file.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    origin: str
    splits: Mapping[str, range] | None = None
    notes: tuple[str, ...] = ()
    locate: Callable[[int], Place] | None = field(default=None, repr=False)

    def problem(self, code: str, index: int, what: str, fix: str) -> Problem:
        """A problem with one text: `reviews.tsv line 7: what`."""
        place = self.locate(index) if self.locate else None
        return _problem(self.origin, place, numbered("item", index, self.splits), code, what, fix)


@dataclass(frozen=True)
class Sentences:
    """words, tags: one list each a sentence, of one length.  splits, locate: as of `Texts`; a sentence's place is that
    of its first word.
    """

    words: Sequence[Sequence[str]]
    tags: Sequence[Sequence[str]]
    origin: str
    splits: Mapping[str, range] | None = None
    notes: tuple[str, ...] = ()
    locate: Callable[[int], Place] | None = field(default=None, repr=False)

    def problem(self, code: str, index: int, what: str, fix: str) -> Problem:
        """A problem with one sentence."""
        place = self.locate(index) if self.locate else None
        return _problem(self.origin, place, numbered("item", index, self.splits), code, what, fix)


def _problem(origin: str, place: Place | None, item: str, code: str, what: str, fix: str) -> Problem:
    where = f"line {place.line}" if place else item
    if place and any(sign in origin for sign in ("{split}", "*")):  # of several files, the one where it is
        origin = PurePath(place.file).name
    return Problem(code, f"{origin} {where}: {what}", fix, place)
