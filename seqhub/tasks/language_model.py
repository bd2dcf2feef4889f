"""Language model: each token of a text from all those before it, in parallel streams with a carried state.

Trained by truncated backpropagation: a chunk starts in the state that the chunk before it left, and the gradient stops
there. Scoring reads valid in as many rows as a batch has and test in `test_streams`, each row a consecutive part in one
state; every token is a target exactly once, and the first of a split follows the last of the one before it.

Shapes: B rows, T steps, V tokens. x [B T 1] ids; y [B T V] logits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqhub.api import Use
from seqhub.data.batch import IGNORED, Batch
from seqhub.data.document import Document
from seqhub.data.splits import Span
from seqhub.data.table import Source
from seqhub.data.token_file import TokenFile, token_file
from seqhub.errors import DataError
from seqhub.nn.ends import Ends
from seqhub.tasks.base import Task, check_split, refuse_source
from seqhub.tasks.configs_text import LanguageModelConfig, LanguageModelData
from seqhub.tasks.language_model_report import describe_text
from seqhub.tasks.language_model_scores import LanguageModelScores
from seqhub.tasks.ngrams import NGrams
from seqhub.tasks.streams import Batches, Chunks, chunk_of, scoring_batches, training_batches
from seqhub.tasks.text_tokens import build_tokenizer

_COUNTED = 4_000_000  # first training tokens that the baselines count
_ORDER = 3
_ROWS = 64  # of valid, where a bundle or a model is scored


class LanguageModel(Task):
    """A text split by position."""

    def __init__(self, options: LanguageModelConfig, data: LanguageModelData, source: Source, seed: int) -> None:
        self.options, self.data, self.source, self.seed = options, data, source, seed

    def prepare(self) -> None:
        document = self.source.read()
        if not isinstance(document, Document):
            fix = "use a source of running text, such as text or pydoc"
            raise refuse_source(document.origin, "items", "language-model", "one running text", fix)
        named, split = self.options.tokens, self.data.split
        self.file: TokenFile = token_file(document, build_tokenizer(named), _exactly(named), split.valid, split.test)
        self.tokenizer = self.file.tokenizer
        size = self.tokenizer.size
        if size < 3:
            what = f"{document.origin} has one token beside <unk>, so there is nothing to learn"
            raise DataError(what, code="E315", fix="give a text of more than one character or word")
        self._ends = Ends(
            features=("token",),
            outputs=(size,),
            output_names=tuple(self.tokenizer.vocabulary.tokens),
            input_shift=(0.0,),
            input_scale=(1.0,),
            output_shift=(0.0,) * size,
            output_scale=(1.0,) * size,
            tokens=size,
            tied=self.options.tied,
            embedding_dropout=self.options.embedding_dropout,
        )

    @property
    def ends(self) -> Ends:
        return self._ends

    def targets(self, split: str) -> Span:
        """Positions of the tokens that are predicted: all but the very first of the text."""
        check_split(split)
        part = self.file.parts[split]
        return Span(max(1, part.first), part.stop)

    def dataset(self, split: str) -> Chunks:
        return Chunks(self.file, self.targets(split))

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> Batches:
        options, targets = self.options, self.targets(split)
        if split == "train":
            return training_batches(targets, size, options.bptt, options.jitter, epoch=epoch, seed=seed)
        return scoring_batches(targets, options.test_streams if split == "test" else size, options.bptt)

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross entropy in nats over the tokens."""
        nats = _nats(y, batch.target)
        return nats.sum(), (batch.target != IGNORED).sum()

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> list[Tensor]:
        """-log P of each target, [T_i] a row."""
        nats = _nats(y, batch.target).cpu()
        return [row[:length].clone() for row, length in zip(nats, batch.lengths.tolist(), strict=True)]

    def metrics(self) -> LanguageModelScores:
        return LanguageModelScores(self.file)

    def naive_answers(self, split: str) -> dict[str, list[Tensor]]:
        """uniform, unigram, bigram and trigram: one answer a chunk, in the order of the text, read in one row."""
        targets, train = self.targets(split), self.file.parts["train"]
        counted = self.file.read(train.first, min(train.stop, train.first + _COUNTED))
        grams = NGrams(counted, self.tokenizer.size, _ORDER)
        first = max(0, targets.first - _ORDER + 1)
        ids = self.file.read(first, targets.stop)
        missing = _ORDER - 1 - (targets.first - first)  # of the history at the very start of the text
        ids = np.concatenate([np.repeat(ids[:1], missing), ids])
        chunks = [chunk_of(rows[0]) for rows in scoring_batches(targets, 1, self.options.bptt)]
        stops = [chunk.first + chunk.steps - targets.first for chunk in chunks]
        names = {"uniform": 0, "unigram": 1, "bigram": 2, "trigram": 3}
        return {
            name: [torch.from_numpy(row) for row in np.split(grams.nats(ids, order), stops[:-1])]
            for name, order in names.items()
        }

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        answers = self.naive_answers(split)
        scores = {name: self.metrics() for name in answers}
        items = self.dataset(split)
        for i, (index,) in enumerate(scoring_batches(self.targets(split), 1, self.options.bptt)):
            batch = self.collate([items[index]])
            for name, found in answers.items():
                scores[name].update([found[i]], batch)
        return {name: score.compute() for name, score in scores.items()}

    def manifest(self) -> dict[str, Any]:
        train = self.file.parts["train"]
        newline = self.tokenizer.encode("\n")
        known = newline and newline != self.tokenizer.vocabulary.encode(["<unk>"])
        return {
            "type": "language-model",
            "tokenizer": self.tokenizer.as_dict(),
            "start": newline if known else self.file.read(train.first, train.first + 1).tolist(),
            "source": self.file.origin,
        }

    def describe(self) -> dict[str, Any]:
        return describe_text(self.file) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per chunk: where in the text, what it says, and the mean of -log P."""
        indices = sorted(index for batch in self.batches(split, _ROWS, epoch=0, seed=0) for index in batch)
        found = []
        for index, nats in zip(indices, answers, strict=True):
            chunk = chunk_of(index)
            text = self.tokenizer.decode(self.file.read(chunk.first, chunk.first + chunk.steps).tolist())
            mean = float(nats.double().mean()) if len(nats) else 0.0
            found.append({"position": chunk.first, "tokens": chunk.steps, "nats": mean, "text": text})
        return found


def _nats(y: Tensor, target: Tensor) -> Tensor:
    """-log P of each target [B T], zero where there is none."""
    logits = y[:, : target.shape[1]]
    return functional.cross_entropy(logits.transpose(1, 2), target, ignore_index=IGNORED, reduction="none")


def _exactly(named: Use | str) -> str:
    """The tokeniser and its options, for the key of a cache."""
    return f"{named.provider} {named.options}" if isinstance(named, Use) else named
