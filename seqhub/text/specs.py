"""The tokenisers that arrive with seqhub. Targets are imported on first use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from seqhub.api import Config, TokenizerSpec, config, hookimpl, option


@config
class CharsConfig(Config):
    """Every character is a token."""

    normalize: Literal["none", "NFC", "NFKC"] = option("none", help="Unicode normal form that texts are brought to")
    lowercase: bool = option(False, help="read capitals as small letters")
    most: int | None = option(None, help="tokens that are kept, the most frequent first; null: all", ge=5)
    least: int = option(1, help="times that a token is seen before it gets an id", ge=1)


@config
class WordsConfig(CharsConfig):
    """Every match of a pattern is a token."""

    pattern: str = option(r"\w+|[^\w\s]", help=r"regular expression of one token; \S+ for what blanks separate")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        try:
            matches_nothing = re.compile(self.pattern).fullmatch("") is not None
        except re.error as error:
            return [("pattern", f"{self.pattern!r} is no regular expression: {error}", r"try \S+ or \w+")]
        fix = "let it match one character at least"
        return [("pattern", f"{self.pattern!r} matches the empty text", fix)] if matches_nothing else []


@config
class BytePairsConfig(Config):
    """Frequent pairs of neighbours become one token, again and again, from bytes up."""

    size: int = option(4000, help="tokens in all, with 256 bytes and the special ones", ge=261)
    lowercase: bool = option(False, help="read capitals as small letters")
    least: int = option(2, help="times that a pair is seen before it is merged", ge=1)


@hookimpl
def seqhub_register_tokenizers() -> Iterator[TokenizerSpec]:
    yield TokenizerSpec(
        name="chars",
        target="seqhub.text.tokenizers:Chars",
        config=CharsConfig,
        summary="Every character is a token.",
        examples=({}, {"normalize": "NFKC", "lowercase": True, "least": 2}),
    )
    yield TokenizerSpec(
        name="bytes",
        target="seqhub.text.tokenizers:Bytes",
        config=Config,
        summary="Every byte of the text's UTF-8 is a token: 256 of them, none unknown.",
    )
    yield TokenizerSpec(
        name="words",
        target="seqhub.text.tokenizers:Words",
        config=WordsConfig,
        summary="Every match of a regular expression is a token: words and signs, or what blanks separate.",
        examples=({}, {"pattern": r"\S+", "lowercase": True, "most": 10000}),
    )
    yield TokenizerSpec(
        name="bpe",
        target="seqhub.text.bpe:BytePairs",
        config=BytePairsConfig,
        summary="Byte pair encoding, learnt on the training split; needs the extra `text`.",
        reference="Sennrich et al. 2016, arXiv:1508.07909",
        examples=({"size": 300},),
    )
