"""Text to ids and back: the contract, and what needs nothing but Python. Byte pairs are in `seqhub.text.bpe`.

tokenizer = Words(lowercase=True)
tokenizer.fit(training_texts, SPECIALS)             # once, on the training split alone
ids = tokenizer.encode("Hello there")               # no special is added
tokenizer.decode(ids)                               # specials are left out
restore(tokenizer.as_dict())                        # the same again, out of JSON
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from seqhub.errors import DataError
from seqhub.text.vocabulary import SPECIALS, Vocabulary


class Tokenizer(ABC):
    """kind: its name in `as_dict`.  vocabulary: every id's token, specials first; empty before `fit`."""

    kind: ClassVar[str] = ""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary(())

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.vocabulary)

    @abstractmethod
    def fit(self, texts: Iterable[str], specials: Sequence[str] = SPECIALS) -> dict[str, Any]:
        """Learn the vocabulary of these texts; gives it as plain JSON, for `load`."""

    @abstractmethod
    def load(self, vocabulary: Mapping[str, Any]) -> None:
        """Take over what `fit` gave."""

    @abstractmethod
    def pieces(self, text: str) -> list[str]:
        """The tokens of a text, in order, whether the vocabulary has them or not."""

    @abstractmethod
    def join(self, pieces: Sequence[str]) -> str:
        """The text of such tokens."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The arguments that it was made with, as plain JSON."""

    @abstractmethod
    def saved(self) -> dict[str, Any]:
        """What `fit` gave."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text. DataError E316 for a token without an id, where there is no `<unk>`."""
        return self.vocabulary.encode(self.pieces(text))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, specials left out."""
        return self.join(self.vocabulary.decode(ids))

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain JSON, for `restore`."""
        return {"type": self.kind, "options": self.options(), "vocabulary": self.saved()}


class _Counted(Tokenizer):
    """One whose vocabulary is the pieces that were seen, the most frequent first."""

    def __init__(self, *, normalize: str, lowercase: bool, most: int | None, least: int) -> None:
        super().__init__()
        self.normalize, self.lowercase, self.most, self.least = normalize, lowercase, most, least

    def fit(self, texts: Iterable[str], specials: Sequence[str] = SPECIALS) -> dict[str, Any]:
        counts = Counter(piece for text in texts for piece in self.pieces(text))
        self.vocabulary = Vocabulary.of(counts, specials, most=self.most, least=self.least)
        return self.saved()

    def load(self, vocabulary: Mapping[str, Any]) -> None:
        self.vocabulary = Vocabulary.from_dict(vocabulary)

    def options(self) -> dict[str, Any]:
        names = ("normalize", "lowercase", "most", "least")
        return {name: getattr(self, name) for name in names}

    def saved(self) -> dict[str, Any]:
        return self.vocabulary.as_dict()

    def cleaned(self, text: str) -> str:
        """The text after normalisation and lower-casing."""
        if self.normalize != "none":
            text = unicodedata.normalize(self.normalize, text)  # type: ignore[arg-type]
        return text.lower() if self.lowercase else text


class Chars(_Counted):
    """Every character is a token."""

    kind = "chars"

    def __init__(
        self, *, normalize: str = "none", lowercase: bool = False, most: int | None = None, least: int = 1
    ) -> None:
        super().__init__(normalize=normalize, lowercase=lowercase, most=most, least=least)

    def pieces(self, text: str) -> list[str]:
        return list(self.cleaned(text))

    def join(self, pieces: Sequence[str]) -> str:
        return "".join(pieces)


class Words(_Counted):
    """Every match of `pattern` is a token; what lies between is dropped, and joins again as one blank."""

    kind = "words"

    def __init__(
        self,
        *,
        pattern: str = r"\w+|[^\w\s]",
        normalize: str = "none",
        lowercase: bool = False,
        most: int | None = None,
        least: int = 1,
    ) -> None:
        super().__init__(normalize=normalize, lowercase=lowercase, most=most, least=least)
        self.pattern = pattern
        self._pattern = re.compile(pattern)

    def options(self) -> dict[str, Any]:
        return {"pattern": self.pattern, **super().options()}

    def pieces(self, text: str) -> list[str]:
        return [match.group() for match in self._pattern.finditer(self.cleaned(text)) if match.group()]

    def join(self, pieces: Sequence[str]) -> str:
        return " ".join(pieces)


class Bytes(Tokenizer):
    """Every byte of the text's UTF-8 is a token: 256 and the specials, whatever the texts."""

    kind = "bytes"

    def fit(self, texts: Iterable[str], specials: Sequence[str] = SPECIALS) -> dict[str, Any]:
        self.vocabulary = Vocabulary((*specials, *(f"<{i:02x}>" for i in range(256))), len(specials))
        return self.saved()

    def load(self, vocabulary: Mapping[str, Any]) -> None:
        self.vocabulary = Vocabulary.from_dict(vocabulary)

    def pieces(self, text: str) -> list[str]:
        return [f"<{i:02x}>" for i in text.encode()]

    def join(self, pieces: Sequence[str]) -> str:
        """Bytes that are no UTF-8 become the replacement character."""
        return bytes(int(piece[1:-1], 16) for piece in pieces).decode(errors="replace")

    def options(self) -> dict[str, Any]:
        return {}

    def saved(self) -> dict[str, Any]:
        return self.vocabulary.as_dict()

    def encode(self, text: str) -> list[int]:
        first = self.vocabulary.specials
        return [first + i for i in text.encode()]


# Kind -> where its class is. A fixed table: a bundle is data, and names no code.
KINDS: Mapping[str, str] = {
    "bpe": "seqhub.text.bpe:BytePairs",
    "bytes": "seqhub.text.tokenizers:Bytes",
    "chars": "seqhub.text.tokenizers:Chars",
    "words": "seqhub.text.tokenizers:Words",
}


def restore(saved: Mapping[str, Any]) -> Tokenizer:
    """The tokeniser that `as_dict` was taken of. DataError E317 where it is of a kind that seqhub does not bring."""
    kind = str(saved.get("type"))
    if kind not in KINDS:
        what = f"the tokeniser is of kind {kind!r}, which seqhub does not bring; it has {', '.join(sorted(KINDS))}"
        raise DataError(what, code="E317", fix="give ids, made with the tokeniser of the plugin that brings it")
    module, _, name = KINDS[kind].partition(":")
    tokenizer: Tokenizer = getattr(importlib.import_module(module), name)(**saved["options"])
    tokenizer.load(saved["vocabulary"])
    return tokenizer
