"""A loaded bundle: whole sequences in, answers out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqhub.errors import BundleError, UsageError
from seqhub.runtime.answers import Answer, answer, whole_answer
from seqhub.runtime.files import Item, read_items, text_items
from seqhub.runtime.generate import generate
from seqhub.runtime.inputs import as_steps
from seqhub.runtime.manifest import FLOAT32, Manifest
from seqhub.runtime.pool import MOST_BLOCKS, MOST_WAITING, Pool
from seqhub.runtime.raw_rows import RawRows
from seqhub.runtime.sampling import Sampling
from seqhub.runtime.session import Arrays, Graph, open_graph
from seqhub.runtime.sound import is_sound, read_samples
from seqhub.runtime.stream import Stream
from seqhub.runtime.text import SUFFIXES, TextInput, text_input

BATCH = 64  # sequences in one run: enough to fill the matrix products, small enough to bound memory

StrPath = str | os.PathLike[str]


class Model:
    """The graphs of one bundle. Safe to use from several threads; each stream belongs to one."""

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int = 1, precision: str = FLOAT32) -> None:
        self.folder, self.manifest, self.precision = folder, manifest, precision
        opened = {
            role: open_graph(folder, manifest, role, threads=threads, precision=precision) for role in manifest.graphs
        }
        self.graphs = opened
        self.text = self._text_input()  # how raw text becomes ids; None where the model reads numbers or ids

    def _text_input(self) -> TextInput | None:
        try:
            return text_input(self.manifest.task)
        except UsageError as error:  # a library that the tokeniser needs
            problem = error.problems[0]
            raise BundleError(f"'{self.folder}': {problem.message}", fix=problem.fix, code=problem.code) from None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of an input, in order."""
        return self.manifest.features

    @property
    def lookback(self) -> int:
        """Steps that an answer is given from, at least and at most; 0 for a task that reads whole sequences."""
        return int(self.manifest.task.get("lookback") or 0)

    def predict(self, source: np.ndarray | Sequence[Any] | StrPath) -> Answer | list[Answer]:
        """The answer to one sequence, or a list of answers to several.

        One: an array [T D], or the path of a .csv or a sound file. Several: a list of arrays of any lengths, an array
        [N T D], or the path of a .npz file. A forecast follows the last step and reads the `lookback` steps up to it.
        A model over text takes the text itself, or a list of texts, as `str`; a file of texts is a `Path`.
        Raises BundleError for an input that does not fit, naming it.
        """
        if isinstance(source, str) and (self.text is not None or self._foreign_text(source)):
            return self.answers([self.text_item(source)])[0]
        if isinstance(source, str | os.PathLike):
            answers = self.answers(self.read(source))
            single = is_sound(Path(source)) or Path(source).suffix.lower() == ".csv"
            return answers[0] if len(answers) == 1 and single else answers
        if isinstance(source, list | tuple) or (isinstance(source, np.ndarray) and source.ndim == 3):
            names = [f"x[{i}]" for i in range(len(source))]
            return self.answers([self._item(x, name) for name, x in zip(names, source, strict=True)])
        return self.answers([Item("x", self.steps(source, "x"))])[0]

    def generate(
        self,
        prompt: str = "",
        *,
        tokens: int = 200,
        sampling: Sampling | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """Text behind a prompt, piece by piece; see `seqhub.runtime.generate`."""
        return generate(self, prompt, tokens=tokens, sampling=sampling, seed=seed, stop=stop)

    def text_item(self, text: str | Sequence[str], name: str = "text") -> Item:
        """Raw text, or the words of a sentence, as the graphs take it."""
        if self.text is None:
            kind = (self.manifest.task.get("tokenizer") or {}).get("type")
            if kind is not None:
                message = f"'{name}' is text, but the tokeniser '{kind}' of '{self.manifest.name}' is a plugin's"
                fix = "give the ids that it makes, [T 1] of int64: the runtime brings no plugins"
                raise BundleError(message, fix=fix, code="E710")
            message = f"'{name}' is text, but the bundle '{self.manifest.name}' reads numbers"
            raise BundleError(message, fix="give an array [T D], or the Path of a file", code="E710")
        if not isinstance(text, str) and not (
            isinstance(text, list | tuple) and all(isinstance(word, str) for word in text)
        ):
            message = f"'{name}' is of type {type(text).__name__}, expected a text or a list of words"
            raise BundleError(message, fix="give a str", code="E710")
        words = () if not self.text.words else self.text.split(text) if isinstance(text, str) else tuple(text)
        return Item(name, self.text.ids(text), tuple(words))

    def _item(self, value: Any, name: str) -> Item:
        words = isinstance(value, list | tuple) and bool(value) and all(isinstance(word, str) for word in value)
        return self.text_item(value, name) if words or isinstance(value, str) else Item(name, self.steps(value, name))

    def steps(self, value: Any, name: str = "x", *, at_least: int = 0) -> np.ndarray:
        """One sequence as the graphs take it, [T D] float32 or int64; BundleError, naming it, where it does not fit."""
        return as_steps(value, self.features, name, at_least=at_least, vocabulary=self.manifest.vocabulary)

    def _foreign_text(self, source: StrPath) -> bool:
        """Whether this is text for a tokeniser that seqhub does not bring; its ids come in an .npz file."""
        is_text = Path(source).suffix.lower() != ".npz"
        return self.text is None and bool(self.manifest.task.get("tokenizer")) and is_text

    def read(self, path: StrPath) -> list[Item]:
        """The sequences of a .csv or .npz file, or the samples of a sound file; for a model over text, the texts of a
        .txt, .jsonl or .csv file.
        """
        if is_sound(Path(path)):
            return [Item(Path(path).name, read_samples(Path(path), self.manifest))]
        if self._foreign_text(path):
            self.text_item("", Path(path).name)
        if self.text is not None and Path(path).suffix.lower() in SUFFIXES:
            return text_items(Path(path), self.text, str(self.manifest.task.get("text") or "text"))
        columns = {key: str(self.manifest.task.get(key) or "") for key in ("sequence", "time")}
        return read_items(Path(path), self.features, **columns, raw=RawRows.of(self.manifest.task))

    def answers(self, items: Sequence[Item]) -> list[Answer]:
        """One answer for each item, in order."""
        least = max(self.lookback, self.manifest.block)
        windows = []
        for item in items:
            if len(item.steps) < least:
                message = f"'{item.name}' has {len(item.steps)} steps, but the model needs {least} for an answer"
                raise BundleError(message, fix="give more steps", code="E714")
            windows.append(item.steps[-self.lookback :] if self.lookback else item.steps)
        each = zip(items, self._outputs(windows), strict=True)
        return [whole_answer(self.manifest, y, item.words) for item, y in each]

    def rolling(self, table: Any, *, name: str = "x") -> list[Answer]:
        """A forecast after every row from `lookback` on, each from `lookback` rows; the last equals `predict`."""
        steps = self.steps(table, name, at_least=max(self.lookback, 1))
        size = self.lookback or len(steps)
        return self.answers([Item(f"{name}[:{i}]", steps[i - size : i]) for i in range(size, len(steps) + 1)])

    def outputs(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Every output step of whole sequences: [T_i D] each -> [T'_i *outputs] each, in raw units.

        Sequences of like length share a batch, so that little is padded. Raises BundleError for one that does not fit.
        """
        checked = [self.steps(x, f"sequences[{i}]") for i, x in enumerate(sequences)]
        return self._outputs(checked)

    def _outputs(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        graph = self._whole()
        results: list[np.ndarray] = [np.empty((0, *self.manifest.outputs), np.float32)] * len(sequences)
        busy = sorted((i for i, x in enumerate(sequences) if len(x)), key=lambda i: len(sequences[i]))
        for first in range(0, len(busy), BATCH):
            rows = busy[first : first + BATCH]
            x, lengths = pad([sequences[i] for i in rows])
            y, out_lengths, _ = graph.run(x, lengths, graph.initial_state(len(x)))
            for i, row, length in zip(rows, y, out_lengths, strict=True):
                results[i] = row[:length].reshape(-1, *self.manifest.outputs)
        return results

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Arrays | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """One batch through the graph of whole sequences, as it is: x [B T D], lengths [B], from a fresh state or from
        one that an earlier run gave -> y [B T' O], out_lengths [B], the state after it.

        Padding may hold anything. Raises BundleError, naming the tensor, for another dtype or shape.
        """
        graph = self._whole()
        given = graph.initial_state(len(x) if np.ndim(x) else 1) if state is None else state
        graph.check({"x": x, "lengths": lengths, **given})
        return graph.run(x, lengths, given)

    def _whole(self) -> Graph:
        return self.graphs.get("full") or self._graph("stream")  # a stream whose every row ends is a whole sequence

    def answer(self, y: np.ndarray) -> Answer:
        """One output step of a stream, [*outputs], as the task's answer."""
        return answer(self.manifest, y)

    def stream(self, batch: int = 1) -> Stream:
        """A stream of `batch` rows, each at its first step. Raises BundleError where the bundle has no stream graph."""
        if batch < 1:
            raise BundleError(f"a stream of {batch} rows was asked for", fix="give batch=1 or more", code="E711")
        return Stream(self._graph("stream"), self.manifest, batch)

    def pool(self, limit: int = 64, *, most: int = MOST_BLOCKS, max_waiting: int = MOST_WAITING) -> Pool:
        """Up to `limit` streams that come and go and run as one batch. Of each, at most `most` steps run at once, and
        `max_waiting` wait; blocks, where the model reads in blocks.
        """
        return Pool(self._graph("stream"), self.manifest, limit, most, max_waiting)

    def _graph(self, role: str) -> Graph:
        if role not in self.graphs:
            why = self.manifest.raw["geometry"].get("obstacle") or "the recipe's export.graphs left it out"
            message = f"the bundle '{self.manifest.name}' has no {role} graph: {why}"
            raise BundleError(message, fix=f"it has: {', '.join(self.graphs)}", code="E715")
        return self.graphs[role]


def pad(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """[T_i D] each -> x [B T D] with zeros after each row's end, lengths [B] int64."""
    lengths = np.array([len(x) for x in sequences], dtype=np.int64)
    x = np.zeros((len(sequences), int(lengths.max()), sequences[0].shape[1]), sequences[0].dtype)
    for row, steps in zip(x, sequences, strict=True):
        row[: len(steps)] = steps
    return x, lengths
