"""Tagging: a label for every word of a sentence, one by one (softmax) or as a sequence (linear-chain CRF).

A word is read as its id and as its spelling, so a word that was never seen is told by its letters; words that occur
once in train are hidden now and then, so that `<unk>` is learnt too.

Shapes: B batch, T words, L tags. y [B T L] logits, or [B T (L+1)*L] pairwise scores; see `nn.CRFHead`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.data.batch import IGNORED, Batch
from seqhub.data.buckets import length_batches
from seqhub.data.table import Source
from seqhub.nn.ends import Ends
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.state import State
from seqhub.runtime.text_answers import labels_of
from seqhub.tasks.base import Task, check_split
from seqhub.tasks.configs_text import SentenceData, TagConfig
from seqhub.tasks.crf import chain_nats
from seqhub.tasks.sentences import Tagged, TaggedItems, read_tagged
from seqhub.tasks.tag_report import describe_tagged
from seqhub.tasks.tag_scores import TagScores
from seqhub.text import UNKNOWN


class Tag(Task):
    """Sentences in batches of like length."""

    def __init__(self, options: TagConfig, data: SentenceData, source: Source, seed: int) -> None:
        self.options, self.data, self.source, self.seed = options, data, source, seed

    def prepare(self) -> None:
        self.tagged: Tagged = read_tagged(self.source, self.options, self.data, self.seed)
        tagged, columns = self.tagged, self.options.characters
        labels, crf = len(tagged.labels), self.options.head == "crf"
        outputs = (labels + 1, labels) if crf else (labels,)
        size = (labels + 1) * labels if crf else labels
        self._ends = Ends(
            features=("word", *(f"letter{i}" for i in range(1, columns + 1))),
            outputs=outputs,
            output_names=tagged.labels,
            input_shift=(0.0,) * (1 + columns),
            input_scale=(1.0,) * (1 + columns),
            output_shift=(0.0,) * size,
            output_scale=(1.0,) * size,
            tokens=tagged.words.size,
            characters=len(tagged.letters) if tagged.letters is not None else 0,
            embedding_dropout=self.options.embedding_dropout,
            head="crf" if crf else "linear",
        )
        self._once = torch.from_numpy(tagged.once)
        self._unknown = tagged.words.vocabulary.id(UNKNOWN)

    @property
    def ends(self) -> Ends:
        return self._ends

    def dataset(self, split: str) -> TaggedItems:
        check_split(split)
        return TaggedItems(self.tagged, split)

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> list[list[int]]:
        lengths = [len(self.tagged.ids[i]) for i in self.tagged.splits[split]]
        return length_batches(lengths, size, epoch=epoch, seed=seed)

    def run(self, model: SequenceLayer, batch: Batch, state: State) -> tuple[Tensor, Tensor, State]:
        if model.training and self.options.unknown:
            batch = replace(batch, x=self._hidden(batch.x))
        return super().run(model, batch, state)

    def _hidden(self, x: Tensor) -> Tensor:
        """x [B T D] with a share of the words that occur once in train as `<unk>`; their spelling stays."""
        words = x[..., 0]
        rare = self._once.to(x.device)[words] & (torch.rand(words.shape, device=x.device) < self.options.unknown)
        return torch.cat([torch.where(rare, self._unknown, words)[..., None], x[..., 1:]], dim=-1)

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Nats: of each word's tag or, with a crf head, of each sentence's sequence; the mean is over words."""
        count = batch.lengths.sum()
        if self.options.head == "crf":
            scores = y.reshape(*y.shape[:2], *self._ends.outputs)
            return chain_nats(scores, batch.target, batch.lengths).sum(), count
        total = functional.cross_entropy(y.transpose(1, 2), batch.target, ignore_index=IGNORED, reduction="sum")
        return total, count

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> list[Tensor]:
        """Positions of the best tags, [T_i] a sentence."""
        rows = y.detach().cpu().reshape(*y.shape[:2], *self._ends.outputs).numpy()
        return [
            torch.from_numpy(labels_of(row[:length])) for row, length in zip(rows, out_lengths.tolist(), strict=True)
        ]

    def metrics(self) -> TagScores:
        return TagScores(self.tagged.labels, spans=self.options.spans == "bio")

    def naive_answers(self, split: str) -> dict[str, list[Tensor]]:
        """majority: the commonest tag of train.  word: the commonest tag of each word, majority for the others."""
        tagged, counts = self.tagged, dict[int, Counter[int]]()
        for i in tagged.splits["train"]:
            for word, tag in zip(tagged.ids[i][:, 0].tolist(), tagged.tags[i].tolist(), strict=True):
                counts.setdefault(word, Counter())[tag] += 1
        best = torch.zeros(tagged.words.size, dtype=torch.int64)  # labels are sorted: 0 is the commonest of all
        for word, tags in counts.items():
            best[word] = min(tags, key=lambda tag: (-tags[tag], tag))
        words = [torch.from_numpy(tagged.ids[i][:, 0]) for i in tagged.splits[split]]
        return {"majority": [torch.zeros_like(row) for row in words], "word": [best[row] for row in words]}

    def manifest(self) -> dict[str, Any]:
        letters = self.tagged.letters
        return {
            "type": "tag",
            "tokenizer": self.tagged.words.as_dict(),
            "letters": letters.as_dict() if letters is not None else None,
            "columns": self.options.characters,
            "words": self.options.pattern,
            "labels": list(self.tagged.labels),
            "spans": self.options.spans,
            "source": self.tagged.sentences.origin,
        }

    def describe(self) -> dict[str, Any]:
        return describe_tagged(self.tagged) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per sentence: its position in the source, words, true tags, answered tags."""
        check_split(split)
        tagged, labels = self.tagged, self.tagged.labels
        return [
            {
                "index": index,
                "item": int(member),
                "words": list(tagged.sentences.words[member]),
                "truth": list(tagged.sentences.tags[member]),
                "prediction": [labels[i] for i in answers[index].tolist()],
            }
            for index, member in enumerate(tagged.splits[split])
        ]
