"""Texts beside texts: what a translation is learnt from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seqhub.data.columns import texts
from seqhub.data.table import Table, numbered
from seqhub.errors import DataError, Place, Problem


@dataclass(frozen=True)
class Pairs:
    """source[i] means target[i].

    splits: positions of each split, where the source has its own.  origin: what messages call them.  locate: the places
    of a pair's two texts, in files.
    """

    source: Sequence[str]
    target: Sequence[str]
    origin: str
    splits: Mapping[str, range] | None = None
    notes: tuple[str, ...] = ()
    locate: Callable[[int], tuple[Place, Place]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise ValueError(f"{len(self.source)} texts beside {len(self.target)}")

    def __len__(self) -> int:
        return len(self.source)

    def require_texts(self) -> None:
        """DataError E318 for the first texts that hold nothing but blanks, with their places."""
        problems: list[Problem] = []
        for i, pair in enumerate(zip(self.source, self.target, strict=True)):
            for side, text in enumerate(pair):
                if not text.strip():
                    place = self.locate(i)[side] if self.locate else None
                    name = ("source", "target")[side]
                    what = f"{self.origin}, {numbered('pair', i, self.splits)}: the {name} is empty"
                    problems.append(Problem("E318", what, "remove the pair, or write its text", place))
            if len(problems) >= 5:
                break
        if problems:
            raise DataError.collect(problems)


def pairs_of(table: Table, source: str, target: str) -> Pairs:
    """Two columns of a table. DataError E307 where one is not there."""
    table.require([source, target])

    def locate(row: int) -> tuple[Place, Place]:
        assert table.locate is not None  # else it is not asked
        return table.locate(row, source), table.locate(row, target)

    return Pairs(
        source=texts(table, source),
        target=texts(table, target),
        origin=table.origin,
        splits=table.splits,
        notes=table.notes,
        locate=locate if table.locate else None,
    )
