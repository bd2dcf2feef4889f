"""A bundle that writes: `encoder.onnx` reads the source once, `decoder_step.onnx` scores one token more at a time.

    model = seqhub.runtime.load("bundle")
    model.predict("3 May 1998").text
    model.translate(["3 May 1998", "May 4, 1998"], best=3, width=8)

All hypotheses of all rows of a batch take a step in one run; the memory is repeated for them, never reordered in place.
Shapes: B rows, S source steps, E memory width, N hypotheses, V target tokens, L written tokens.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqhub.errors import BundleError, DataError
from seqhub.runtime.answers import Answer
from seqhub.runtime.decoding import Hypothesis, Search, search
from seqhub.runtime.files import Item
from seqhub.runtime.manifest import FLOAT32, Manifest
from seqhub.runtime.model import BATCH, Model, pad
from seqhub.runtime.session import Arrays
from seqhub.runtime.translation import Candidate, Translation
from seqhub.text import END, Tokenizer, restore


class Translator(Model):
    """The two graphs of one bundle, and the search between them."""

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int = 1, precision: str = FLOAT32) -> None:
        super().__init__(folder, manifest, threads=threads, precision=precision)
        task = manifest.task
        self.search = Search(**task["search"])  # what the recipe says; `translate` can ask for another
        self.begin, self.end = int(task["begin"]), int(task["end"])
        self.never = tuple(int(i) for i in task["never"])
        self.writer = _restored(task.get("target"))

    def text_item(self, text: str | Sequence[str], name: str = "text") -> Item:
        """A source as the encoder takes it: its tokens, and the one that ends."""
        if self.text is None:
            message = f"'{name}' is text, but the tokeniser of '{self.manifest.name}' is a plugin's"
            raise BundleError(message, fix="give the ids [S 1] of its tokens", code="E710")
        return Item(name, self._ended(super().text_item(text, name).steps))

    def read(self, path: Any) -> list[Item]:
        """The texts of a .txt (one a line), .csv or .jsonl file, or ids of an .npz file."""
        is_ids = Path(path).suffix.lower() == ".npz"
        return [Item(item.name, item.steps if is_ids else self._ended(item.steps)) for item in super().read(path)]

    def _ended(self, ids: np.ndarray) -> np.ndarray:
        assert self.text is not None
        return np.concatenate([ids, np.array([[self.text.tokenizer.vocabulary.id(END)]], ids.dtype)])

    def answers(self, items: Sequence[Item]) -> list[Answer]:
        """The likeliest translation of each item, in order."""
        return list(self.candidates(items))

    def translate(self, texts: Sequence[str], *, best: int = 1, **options: Any) -> list[Translation]:
        """The `best` translations of each text. options: those of `Search` that differ from the recipe's."""
        items = [self.text_item(text, f"texts[{i}]") for i, text in enumerate(texts)]
        try:
            wanted = dataclasses.replace(self.search, **options)
        except (TypeError, ValueError) as error:
            fix = f"options: {', '.join(field.name for field in dataclasses.fields(Search))}"
            raise BundleError(f"translate: {error}", fix=fix, code="E710") from None
        return self.candidates(items, best=best, options=wanted)

    def candidates(self, items: Sequence[Item], *, best: int = 1, options: Search | None = None) -> list[Translation]:
        """Translations of sources that are ids already; like lengths share a batch."""
        found: dict[int, Translation] = {}
        for item in items:
            if not len(item.steps):
                raise BundleError(f"'{item.name}' has no steps", fix="give one token at least", code="E714")
            self.steps(item.steps, item.name)
        order = sorted(range(len(items)), key=lambda i: len(items[i].steps))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            x, lengths = pad([items[i].steps for i in rows])
            each = self.search_batch(x, lengths, options or self.search, best=best)
            found.update((i, self._translation(one)) for i, one in zip(rows, each, strict=True))
        return [found[i] for i in range(len(items))]

    def search_batch(
        self, x: np.ndarray, lengths: np.ndarray, options: Search, *, best: int = 1
    ) -> list[list[Hypothesis]]:
        """The best hypotheses of every row of a batch: x [B S D], lengths [B]."""
        memory, memory_lengths = self.encode(x, lengths)
        first = self.graphs["decoder_step"].initial_state(len(x), memory.shape[1])

        def step(tokens: np.ndarray, rows: np.ndarray, state: Arrays) -> tuple[np.ndarray, Arrays]:
            scores, after = self.decode(tokens[:, None], state, memory[rows], memory_lengths[rows])
            return scores[:, 0], after

        limits = options.limits(lengths)
        return search(step, first, limits, options, begin=self.begin, end=self.end, never=self.never, best=best)

    def encode(self, x: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the decoder attends to: x [B S D], lengths [B] -> memory [B S' E], its lengths [B]."""
        memory, memory_lengths, _ = self.graphs["encoder"].run(x, lengths, {})
        return memory, memory_lengths

    def decode(
        self, tokens: np.ndarray, state: Arrays, memory: np.ndarray, memory_lengths: np.ndarray
    ) -> tuple[np.ndarray, Arrays]:
        """Scores of the token after each of some tokens [N T], and the state after them: [N T V]."""
        lengths = np.full(len(tokens), tokens.shape[1], dtype=np.int64)
        feeds = {**state, "memory": memory, "memory_lengths": memory_lengths}
        scores, _, after = self.graphs["decoder_step"].run(tokens[..., None], lengths, feeds)
        return scores, after

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Arrays | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """One batch from source to translation: ids [B L] of the likeliest of each row, their lengths [B], no state."""
        found = [best.ids for best, *_ in self.search_batch(x, lengths, self.search)]
        written = np.array([len(ids) for ids in found], dtype=np.int64)
        ids = np.zeros((len(found), int(written.max(initial=0))), dtype=np.int64)
        for row, one in zip(ids, found, strict=True):
            row[: len(one)] = one
        return ids, written, {}

    def outputs(self, sequences: Sequence[np.ndarray]) -> NoReturn:
        self._refuse("outputs step by step")

    def rolling(self, table: Any, *, name: str = "x") -> NoReturn:
        self._refuse("answers row by row")

    def stream(self, batch: int = 1) -> NoReturn:
        self._refuse("stream")

    def pool(self, limit: int = 1, **options: Any) -> NoReturn:
        self._refuse("stream")

    def generate(self, prompt: str = "", **options: Any) -> Iterator[str]:
        self._refuse("text behind a prompt")

    def _refuse(self, what: str) -> NoReturn:
        message = f"the bundle '{self.manifest.name}' reads a whole text and writes another: it has no {what}"
        raise BundleError(message, fix="use predict or translate", code="E715")

    def _translation(self, found: Sequence[Hypothesis]) -> Translation:
        texts = [self.writer.decode(one.ids) if self.writer is not None else "" for one in found]
        each = zip(texts, found, strict=True)
        return Translation(tuple(Candidate(text, one.ids, one.log_p, one.score) for text, one in each))


def _restored(saved: Any) -> Tokenizer | None:
    """None for a tokeniser that seqhub does not bring: the bundle then writes ids."""
    try:
        return restore(saved)
    except DataError:
        return None
