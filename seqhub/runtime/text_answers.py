"""What a model over text answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqhub.runtime.manifest import Manifest
from seqhub.runtime.viterbi import viterbi

_SHOWN = 10


class Span(NamedTuple):
    """Words first to stop - 1."""

    label: str
    first: int
    stop: int


@dataclass(frozen=True)
class Tagged:
    """A tag for each word; spans: what B-x and I-x mark, where the task has them."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    spans: tuple[Span, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        spans = [
            {"label": label, "first": first, "stop": stop, "text": " ".join(self.words[first:stop])}
            for label, first, stop in self.spans
        ]
        return {"words": list(self.words), "tags": list(self.tags), **({"spans": spans} if spans else {})}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and rows, one a word."""
        return ["word", "tag"], [list(pair) for pair in zip(self.words, self.tags, strict=True)]


@dataclass(frozen=True, eq=False)
class NextTokens:
    """What comes next, likeliest first: tokens as they are spelt, and their probabilities."""

    tokens: tuple[str, ...]
    probabilities: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"next": [{"token": t, "probability": float(p)} for t, p in self._pairs()]}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and rows, one a token."""
        return ["token", "probability"], [[token, float(p)] for token, p in self._pairs()]

    def _pairs(self) -> list[tuple[str, float]]:
        return list(zip(self.tokens, self.probabilities, strict=True))


def next_tokens(manifest: Manifest, probabilities: np.ndarray) -> NextTokens:
    """The likeliest of probabilities [V]."""
    order = np.argsort(-probabilities, kind="stable")[:_SHOWN]
    return NextTokens(tuple(manifest.output_names[i] for i in order), probabilities[order])


def tagged(manifest: Manifest, y: np.ndarray, words: Sequence[str]) -> Tagged:
    """Outputs of a whole sentence [T *outputs] -> a tag for each word."""
    names = manifest.output_names
    tags = tuple(names[i] for i in labels_of(y))
    spans = spans_of(tags) if manifest.task.get("spans") == "bio" else []
    shown = tuple(words) or tuple(str(i) for i in range(1, len(tags) + 1))
    return Tagged(shown, tags, tuple(spans))


def labels_of(y: np.ndarray) -> np.ndarray:
    """y [T L] scores, or [T L+1 L] pairwise scores -> the best labels [T]."""
    return viterbi(y) if y.ndim == 3 else np.asarray(y.argmax(axis=-1), dtype=np.int64)


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans that tags mark: B-x begins one; I-x goes on with one of x, and begins one where there is none.

    Every tag that is neither is outside of spans: the rule of the CoNLL-2003 evaluation.
    """
    found: list[Span] = []
    first, label = 0, ""
    for at, tag in enumerate([*tags, "O"]):
        kind, _, name = tag.partition("-")
        if label and not (kind == "I" and name == label):
            found.append(Span(label, first, at))
            label = ""
        if kind in ("B", "I") and name and not label:
            first, label = at, name
    return found
