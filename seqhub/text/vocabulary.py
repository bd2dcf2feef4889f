"""Tokens and their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seqhub.errors import DataError

PAD, UNKNOWN, BEGIN, END = "<pad>", "<unk>", "<s>", "</s>"
SPECIALS = (PAD, UNKNOWN, BEGIN, END)  # with all four, their ids are 0, 1, 2, 3


@dataclass(frozen=True)
class Vocabulary:
    """tokens: the token of each id, all different; the first `specials` of them stand for no text.

    With `<unk>` among the specials every token has an id; without it a token that is not here is refused.
    """

    tokens: tuple[str, ...]
    specials: int = 0

    def __post_init__(self) -> None:
        if len(set(self.tokens)) != len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"token {twice!r} stands twice in the vocabulary")
        if not 0 <= self.specials <= len(self.tokens):
            raise ValueError(f"{self.specials} of {len(self.tokens)} tokens cannot be special")

    @classmethod
    def of(
        cls, counts: Mapping[str, int], specials: Sequence[str] = SPECIALS, *, most: int | None = None, least: int = 1
    ) -> Vocabulary:
        """The tokens seen `least` times or more, the most frequent first, equal ones by their text; `most` in all,
        specials included.
        """
        ranked = sorted((-count, token) for token, count in counts.items() if count >= least and token not in specials)
        room = len(ranked) if most is None else max(0, most - len(specials))
        return cls((*specials, *(token for _, token in ranked[:room])), len(specials))

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    def id(self, token: str) -> int:
        """Of `<unk>` where the token is not here. DataError E316 where there is no `<unk>` either."""
        found = self._ids.get(token, self._ids.get(UNKNOWN))
        if found is None:
            what = f"the token {token!r} is not in the vocabulary of {len(self.tokens)} tokens"
            raise DataError(what, code="E316", fix="leave it out, or let training data hold it")
        return found

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The id of each. A piece of text that looks like a special is not one: it is unknown."""
        ids = [self.id(token) for token in tokens]
        return [self.id(UNKNOWN) if i < self.specials else i for i in ids]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The token of each id, specials left out. IndexError for an id that is not here."""
        return [self.tokens[i] for i in ids if self.checked(i) >= self.specials]

    def checked(self, i: int) -> int:
        """The id itself; IndexError where no token has it."""
        if not 0 <= i < len(self.tokens):
            raise IndexError(f"id {i} is outside the vocabulary of {len(self.tokens)} tokens")
        return i

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"tokens": list(self.tokens), "specials": self.specials}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Vocabulary:
        """The inverse of `as_dict`."""
        return cls(tuple(values["tokens"]), int(values["specials"]))
