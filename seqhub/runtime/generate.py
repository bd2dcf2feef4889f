"""Text that goes on from a prompt: one run of the graph a token, in the state that the run before left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from seqhub.errors import BundleError
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.sampling import Sampling
from seqhub.runtime.session import Arrays
from seqhub.text import Tokenizer, restore

_CONTEXT = 4  # tokens before a new one that it is spelt behind: blanks and bytes of one character depend on them
_LONGEST = 4  # bytes of a character in UTF-8


class Graphs(Protocol):
    """A loaded bundle, as far as writing needs it."""

    manifest: Manifest

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Arrays | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """x [B T D], lengths [B] -> y [B T V], out_lengths [B], the state after it."""
        ...


def generate(
    model: Graphs,
    prompt: str = "",
    *,
    tokens: int = 200,
    sampling: Sampling | None = None,
    seed: int | None = None,
    stop: Sequence[str] = (),
) -> Iterator[str]:
    """Pieces of the text behind `prompt`, as they are made, `tokens` tokens at most.

    seed: of the draws; None: another text each time.  stop: the text ends before the first of these.
    Raises BundleError E720 where the bundle is no language model, or an option is out of range.
    """
    task, sampling = model.manifest.task, sampling or Sampling()
    if task.get("type") != "language-model":
        message = f"the bundle '{model.manifest.name}' is of task {task.get('type')!r}, which writes no text"
        raise BundleError(message, fix="give the bundle of a language model; for others: seqhub predict", code="E720")
    if not isinstance(prompt, str):
        message = f"'prompt' is of type {type(prompt).__name__}, expected a text"
        raise BundleError(message, fix="give a str", code="E710")
    if tokens < 0 or any(not end for end in stop):
        what = f"tokens is {tokens}" if tokens < 0 else "one of the stop texts is empty"
        raise BundleError(what, fix="give 0 tokens or more, and stop texts of one character or more", code="E720")
    return _until(_written(model, restore(task["tokenizer"]), prompt, tokens, sampling, seed), stop)


def _written(
    model: Graphs, tokenizer: Tokenizer, prompt: str, tokens: int, sampling: Sampling, seed: int | None
) -> Iterator[str]:
    source = np.random.default_rng(seed)
    given: Any = model.manifest.task["start"]
    ids = tokenizer.encode(prompt) or [int(i) for i in given]
    speller = _Speller(tokenizer, ids if prompt else [])
    silent = range(tokenizer.vocabulary.specials)  # they stand for no text
    state = None
    for _ in range(tokens):
        x = np.array(ids, dtype=np.int64)[None, :, None]
        y, _, state = model.run(x, np.array([len(ids)]), state)
        ids = [sampling.draw(y[0, -1], source, silent)]
        if piece := speller.add(ids[0]):
            yield piece
    if piece := speller.rest():
        yield piece


class _Speller:
    """The text of tokens as they come: what a token adds to the text of those before it."""

    def __init__(self, tokenizer: Tokenizer, before: list[int]) -> None:
        self.tokenizer, self.ids = tokenizer, before[-_CONTEXT:]
        self.told = len(self.ids)  # tokens whose text is out

    def add(self, token: int) -> str:
        """The text that this token completes, which may be none: a character can take several bytes."""
        self.ids.append(token)
        return self._tell(all_of_it=len(self.ids) - self.told >= _LONGEST)

    def rest(self) -> str:
        """What was held back."""
        return self._tell(all_of_it=True) if len(self.ids) > self.told else ""

    def _tell(self, *, all_of_it: bool) -> str:
        before, now = self.tokenizer.decode(self.ids[: self.told]), self.tokenizer.decode(self.ids)
        if now.endswith("\N{REPLACEMENT CHARACTER}") and not all_of_it:
            return ""
        self.ids = self.ids[-_CONTEXT:]
        self.told = len(self.ids)
        return now[len(before) :]


def _until(pieces: Iterator[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first of the stop texts; what may be the beginning of one waits."""
    held = ""
    for piece in pieces:
        held += piece
        ends = [at for end in stop if (at := held.find(end)) >= 0]
        if ends:
            held = held[: min(ends)]
            break
        waits = max((n for end in stop for n in range(1, len(end)) if held.endswith(end[:n])), default=0)
        if len(held) > waits:
            yield held[: len(held) - waits]
            held = held[len(held) - waits :]
    if held:
        yield held
