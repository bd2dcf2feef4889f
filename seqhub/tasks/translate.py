"""Translation: one text is read whole, another is written token by token.

A model is an encoder and a decoder, `nn.seq2seq`. The loss looks at the true target, all steps at once; translations
are what a search finds, and they alone are scored.

Shapes: B batch, S source tokens, T target tokens, V target vocabulary.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.data.batch import IGNORED, Batch, Item
from seqhub.data.table import Source
from seqhub.nn.ends import Ends
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.seq2seq import EncoderDecoder, sampled
from seqhub.nn.state import State
from seqhub.runtime.decoding import Hypothesis, Search
from seqhub.tasks.base import Answers, Task, check_split
from seqhub.tasks.configs_translate import Sampling, TranslateConfig, TranslateData
from seqhub.tasks.translate_baselines import naive_translations
from seqhub.tasks.translate_report import describe_corpus
from seqhub.tasks.translate_scores import TranslateScores
from seqhub.tasks.translate_search import translations
from seqhub.tasks.translate_text import Corpus, PairBatch, PairItems, bucketed, collate_pairs, read_corpus, shifted


class Translate(Task):
    """Pairs of texts, in splits of their own or drawn at random. Answers are the ids of translations, [N] a row."""

    def __init__(self, options: TranslateConfig, data: TranslateData, source: Source, seed: int) -> None:
        self.options, self.data, self.source, self.seed = options, data, source, seed
        self.rate = 0.0  # of scheduled sampling, in this epoch

    def prepare(self) -> None:
        self.corpus: Corpus = read_corpus(self.source, self.options, self.data, self.seed)
        reader, writer = self.corpus.readers
        self._ends = Ends(
            features=("token",),
            outputs=(writer.size,),
            output_names=writer.vocabulary.tokens,
            input_shift=(0.0,),
            input_scale=(1.0,),
            output_shift=(0.0,) * writer.size,
            output_scale=(1.0,) * writer.size,
            tokens=reader.size,
            embedding_dropout=self.options.embedding_dropout,
        )

    @property
    def ends(self) -> Ends:
        return self._ends

    @property
    def search(self) -> Search:
        """How translations are looked for."""
        options = self.options.search
        return Search(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Search)})

    def dataset(self, split: str) -> PairItems:
        check_split(split)
        return PairItems(self.corpus, split)

    @staticmethod
    def collate(items: list[Item]) -> PairBatch:
        return collate_pairs(items)

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> list[list[int]]:
        """Pairs of like length side by side."""
        tokens = self.options.batch_tokens if split == "train" else None
        return bucketed(self.corpus, split, size, tokens, epoch=epoch, seed=seed)

    def begin_epoch(self, epoch: int) -> None:
        self.rate = sampling_rate(self.options.sampling, epoch)

    def run(self, model: SequenceLayer, batch: Batch, state: State) -> tuple[Tensor, Tensor, State]:
        """Scores [B T V] of the true target's tokens; in training the decoder may read some tokens of its own."""
        model = pair(model)
        memory = model.encode(batch.x, batch.lengths)
        given = shifted(batch.target, self.corpus.begin)
        if model.training and self.rate:
            return sampled(model, memory, given, batch.target_lengths, self.rate), batch.target_lengths, {}
        first = model.first_state(memory)
        scores, lengths, _ = model.decoder(given[..., None], batch.target_lengths, first, memory)
        return scores, lengths, {}

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross entropy in nats a token, `</s>` counted."""
        smoothing = self.options.label_smoothing
        total = functional.cross_entropy(
            y.flatten(0, 1), batch.target.flatten(), reduction="sum", ignore_index=IGNORED, label_smoothing=smoothing
        )
        return total, (batch.target != IGNORED).sum()

    def answered(self, model: SequenceLayer, y: Tensor, out_lengths: Tensor, batch: Batch, *, quick: bool) -> Answers:
        """The ids of the translations that the search finds; quick: greedily."""
        options = dataclasses.replace(self.search, width=1) if quick else self.search
        return [torch.tensor(best.ids, dtype=torch.int64) for best, *_ in self.found(pair(model), batch, options)]

    def found(self, model: EncoderDecoder, batch: Batch, options: Search) -> list[list[Hypothesis]]:
        """What the search finds with torch's model: the likeliest translation of each row."""
        corpus = self.corpus
        return translations(model, batch, options, begin=corpus.begin, end=corpus.end, never=corpus.never)

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> Answers:
        """y: ids [B T] that a bundle's search has found."""
        return [row[:length] for row, length in zip(y, out_lengths.tolist(), strict=True)]

    def metrics(self) -> TranslateScores:
        return TranslateScores(self.corpus.readers[1].decode, self.options.bleu)

    def naive_answers(self, split: str) -> dict[str, Any]:
        """copy and nearest, as texts."""
        check_split(split)
        return naive_translations(self.corpus, split)

    def manifest(self) -> dict[str, Any]:
        reader, writer = self.corpus.readers
        return {
            "type": "translate",
            "tokenizer": reader.as_dict(),
            "target": writer.as_dict(),
            "text": self.data.source_text or "source",
            "search": dataclasses.asdict(self.search),
            "begin": self.corpus.begin,
            "end": self.corpus.end,
            "never": list(self.corpus.never),
            "source": self.corpus.pairs.origin,
        }

    def describe(self) -> dict[str, Any]:
        return describe_corpus(self.corpus) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per pair: source, reference, hypothesis."""
        check_split(split)
        corpus, found = self.corpus, []
        for index, member in enumerate(corpus.splits[split]):
            found.append(
                {
                    "index": index,
                    "source": corpus.pairs.source[member],
                    "reference": corpus.pairs.target[member],
                    "hypothesis": corpus.readers[1].decode(answers[index].tolist()),
                }
            )
        return found


def pair(model: SequenceLayer) -> EncoderDecoder:
    """The model as what it must be here; TypeError where it is not."""
    if not isinstance(model, EncoderDecoder):
        raise TypeError(f"translation needs an EncoderDecoder, got a {type(model).__name__}")
    return model


def sampling_rate(sampling: Sampling, epoch: int) -> float:
    """The share of tokens that the decoder reads of its own in an epoch, counted from 0; arXiv:1506.03099."""
    since = epoch + 1 - sampling.first
    if since <= 0:
        return 0.0
    if since >= sampling.rise:
        return sampling.rate
    share = since / sampling.rise
    if sampling.curve == "sigmoid":
        share = 1 / (1 + math.exp(6 - 12 * share))
    return sampling.rate * share
