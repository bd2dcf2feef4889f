"""Pairs of texts as ids: read, split, cut into tokens, put side by side in batches.

A source ends with `</s>`, so that even an empty one has a step to look at. A target's items hold its tokens and `</s>`;
what the decoder reads is the same behind `<s>`, see `shifted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqhub.data.batch import IGNORED, Batch, Item, Items, collate
from seqhub.data.nearest import nearest
from seqhub.data.pairs import Pairs, pairs_of
from seqhub.data.splits import SPLITS
from seqhub.data.table import Source, Table
from seqhub.errors import DataError
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_translate import TranslateConfig, TranslateData
from seqhub.tasks.text_tokens import build_tokenizer
from seqhub.text import BEGIN, END, PAD, SPECIALS, UNKNOWN, Tokenizer


@dataclass(frozen=True, eq=False)
class Corpus:
    """The pairs as ids. splits: positions among the pairs; those of train without the ones that are too long.

    readers: the tokenisers of source and target.  source_ids, target_ids: of every pair, `</s>` at the end.
    """

    pairs: Pairs
    splits: dict[str, list[int]]
    readers: tuple[Tokenizer, Tokenizer]
    source_ids: list[list[int]]
    target_ids: list[list[int]]
    notes: tuple[str, ...]

    @property
    def begin(self) -> int:
        return self.readers[1].vocabulary.id(BEGIN)

    @property
    def end(self) -> int:
        return self.readers[1].vocabulary.id(END)

    @property
    def never(self) -> tuple[int, ...]:
        """Ids that no translation holds."""
        vocabulary = self.readers[1].vocabulary
        return tuple(vocabulary.id(token) for token in (PAD, UNKNOWN, BEGIN))


def read_corpus(source: Source, options: TranslateConfig, data: TranslateData, seed: int) -> Corpus:
    """Read, split, and fit the tokenisers on the training split alone. DataError on what cannot be used."""
    pairs = _pairs(source, data)
    splits = {name: list(span) for name, span in pairs.splits.items()} if pairs.splits else _drawn(pairs, data, seed)
    for name in SPLITS:
        if not splits[name]:
            different = len(set(pairs.source))
            what = f"{pairs.origin} has {len(pairs)} pairs of {different} different texts, none of them for {name}"
            raise DataError(what, code="E311", fix=f"give more pairs, or a larger share for {name}")
    readers = _fitted(pairs, splits["train"], options)
    sources = [[*readers[0].encode(text), readers[0].vocabulary.id(END)] for text in pairs.source]
    targets = [[*readers[1].encode(text), readers[1].vocabulary.id(END)] for text in pairs.target]
    kept = [i for i in splits["train"] if max(len(sources[i]), len(targets[i])) <= options.longest + 1]
    if not kept:
        what = f"every training pair of {pairs.origin} has more than {options.longest} tokens on a side"
        raise DataError(what, code="E311", fix="raise task.longest, or use a tokeniser with longer tokens")
    notes = list(pairs.notes)
    if len(kept) < len(splits["train"]):
        left = len(splits["train"]) - len(kept)
        notes.append(f"{left} training pairs with more than {options.longest} tokens on a side are left out")
    return Corpus(pairs, {**splits, "train": kept}, readers, sources, targets, tuple(notes))


def _pairs(source: Source, data: TranslateData) -> Pairs:
    found: object = source.read()
    if isinstance(found, Pairs):
        for name in ("source_text", "target_text"):
            if getattr(data, name) is not None:
                what = f"data.{name} names a column, but source {found.origin} gives pairs of texts"
                raise DataError(what, code="E312", fix=f"remove data.{name}")
        return found
    if not isinstance(found, Table):
        origin, kind = getattr(found, "origin", "?"), type(found).__name__
        fix = "use source: parallel, or csv with data.source_text and data.target_text"
        raise refuse_source(origin, f"a {kind}", "translate", "pairs of texts", fix)
    if data.source_text is None or data.target_text is None:
        fix = f"set data.source_text and data.target_text; columns: {', '.join(found.columns)}"
        raise refuse_source(found.origin, "rows and columns", "translate", "two columns of texts", fix)
    if data.source_text == data.target_text:
        fix = nearest(data.target_text, [name for name in found.columns if name != data.source_text], "columns")
        raise DataError(f"data.source_text and data.target_text are both '{data.source_text}'", code="E312", fix=fix)
    pairs = pairs_of(found, data.source_text, data.target_text)
    pairs.require_texts()
    return pairs


def _drawn(pairs: Pairs, data: TranslateData, seed: int) -> dict[str, list[int]]:
    """At random, but pairs of one source together: else a test would ask what training told."""
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(pairs.source):
        groups.setdefault(text, []).append(i)
    order = list(groups.values())
    order = [order[i] for i in np.random.default_rng(seed).permutation(len(order))]
    shares = {"test": data.split.test, "valid": data.split.valid}
    splits: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    at = 0
    for name, share in shares.items():
        while at < len(order) and len(splits[name]) < round(share * len(pairs)):
            splits[name] += order[at]
            at += 1
    splits["train"] = [i for group in order[at:] for i in group]
    return {name: sorted(members) for name, members in splits.items()}


def _fitted(pairs: Pairs, train: Sequence[int], options: TranslateConfig) -> tuple[Tokenizer, Tokenizer]:
    sides = [[side[i] for i in train] for side in (pairs.source, pairs.target)]
    reader = build_tokenizer(options.source)
    if options.joint:
        reader.fit([*sides[0], *sides[1]], SPECIALS)
        return reader, reader
    reader.fit(sides[0], SPECIALS)
    writer = build_tokenizer(options.target)
    writer.fit(sides[1], SPECIALS)
    return reader, writer


@dataclass(frozen=True)
class PairItem(Item):
    """One pair; reference: its target as it was written."""

    reference: str = ""


@dataclass(frozen=True, eq=False)
class PairBatch(Batch):
    """references: the targets of the rows as they were written."""

    references: tuple[str, ...] = ()

    def to(self, device: torch.device | str) -> PairBatch:
        moved = super().to(device)
        tensors = (moved.x, moved.lengths, moved.target, moved.index, moved.target_lengths)
        return PairBatch(*tensors, references=self.references)


class PairItems(Items):
    """Item i of a split: x [S 1] ids, target [T] ids."""

    def __init__(self, corpus: Corpus, split: str) -> None:
        self.members = corpus.splits[split]
        self.sources, self.targets, self.references = corpus.source_ids, corpus.target_ids, corpus.pairs.target

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> PairItem:
        member = self.members[index]
        x = torch.tensor(self.sources[member])[:, None]
        return PairItem(x, torch.tensor(self.targets[member]), torch.tensor(index), reference=self.references[member])


def collate_pairs(items: list[Item]) -> PairBatch:
    """Pad to the longest source and the longest target of these pairs."""
    batch = collate(items)
    references = tuple(item.reference for item in items if isinstance(item, PairItem))
    tensors = (batch.x, batch.lengths, batch.target, batch.index, batch.target_lengths)
    return PairBatch(*tensors, references=references)


def shifted(target: Tensor, begin: int) -> Tensor:
    """What the decoder reads to write `target` [B T]: `begin`, then all but the last; padding becomes id 0."""
    first = torch.full_like(target[:, :1], begin)
    given = torch.cat((first, target[:, :-1]), dim=1)
    return torch.where(given == IGNORED, torch.zeros_like(given), given)


def bucketed(corpus: Corpus, split: str, size: int, tokens: int | None, *, epoch: int, seed: int) -> list[list[int]]:
    """Batches of pairs of like length: `size` pairs each, or as many as keep rows times longest side within `tokens`.

    Pairs of equal lengths change places from epoch to epoch, and so do the training batches; their number stays.
    """
    draw = np.random.default_rng([seed, epoch])
    chance = draw.permutation(len(corpus.splits[split]))
    lengths = [(len(corpus.target_ids[i]), len(corpus.source_ids[i])) for i in corpus.splits[split]]
    batches: list[list[int]] = []
    longest = 0
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], int(chance[i]))):
        longest = max(longest, *lengths[i])
        rows = len(batches[-1]) if batches else 0
        full = rows >= size if tokens is None else (rows + 1) * longest > tokens
        if not batches or full:
            batches.append([])
            longest = max(lengths[i])
        batches[-1].append(i)
    if split == "train":
        return [batches[i] for i in draw.permutation(len(batches))]
    return batches
