"""Sentences for tagging: taken from a source, checked, split, and made ids with the vocabulary of train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from seqhub.data.batch import Item, Items
from seqhub.data.nearest import nearest
from seqhub.data.splits import SPLITS, Indices
from seqhub.data.table import Source
from seqhub.data.texts import Sentences
from seqhub.errors import DataError
from seqhub.runtime.text import word_ids
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_text import SentenceData, TagConfig
from seqhub.text import UNKNOWN, Tokenizer, Vocabulary
from seqhub.text.tokenizers import Words

_NO_LETTER = "<none>"  # id 0: behind the end of a spelling


@dataclass(frozen=True, eq=False)
class Tagged:
    """ids: [T 1 + columns] each.  tags: [T] positions in `labels`.  splits: positions of sentences.
    once: [V], whether a word occurs exactly once in train.
    """

    sentences: Sentences
    ids: list[NDArray[np.int64]]
    tags: list[NDArray[np.int64]]
    labels: tuple[str, ...]
    splits: dict[str, Indices]
    words: Tokenizer
    letters: Vocabulary | None
    once: NDArray[np.bool_]


def read_tagged(source: Source, options: TagConfig, data: SentenceData, seed: int) -> Tagged:
    """Raises DataError where the source gives something else, a split would be empty, there is one tag only, or valid
    or test has a tag that train has not.
    """
    found = source.read()
    if not isinstance(found, Sentences):
        fix = "use a source such as conll, conllu or word-lines"
        raise refuse_source(found.origin, "something else", "tag", "sentences with a tag for each word", fix)
    splits = drawn_splits(len(found.words), found.splits, data.split.valid, data.split.test, seed, found.origin)
    train = [found.words[i] for i in splits["train"]]
    words = _words(train, options)
    letters = _letters(train) if options.characters else None
    counts = Counter(tag for i in splits["train"] for tag in found.tags[i])
    labels = tuple(sorted(counts, key=lambda tag: (-counts[tag], tag)))
    if len(labels) < 2:
        what = f"{found.origin}: every word of train has the tag {labels[0]!r}, so there is nothing to learn"
        raise DataError(what, code="E315", fix="give sentences of two tags or more")
    position = {tag: i for i, tag in enumerate(labels)}
    _check_known(found, splits, position)
    ids = [word_ids(sentence, words, letters, options.characters) for sentence in found.words]
    seen = np.bincount(np.concatenate([ids[i][:, 0] for i in splits["train"]]), minlength=words.size)
    once = seen == 1
    once[words.vocabulary.id(UNKNOWN)] = False
    return Tagged(
        sentences=found,
        ids=ids,
        tags=[np.array([position[tag] for tag in tags], dtype=np.int64) for tags in found.tags],
        labels=labels,
        splits=splits,
        words=words,
        letters=letters,
        once=once,
    )


class TaggedItems(Items):
    """Item i of a split: x [T 1 + columns] ids, target [T] positions of tags."""

    def __init__(self, tagged: Tagged, split: str) -> None:
        self.ids, self.tags, self.members = tagged.ids, tagged.tags, tagged.splits[split]

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> Item:
        member = int(self.members[index])
        return Item(torch.from_numpy(self.ids[member]), torch.from_numpy(self.tags[member]), torch.tensor(index))


def drawn_splits(
    count: int, own: Mapping[str, range] | None, valid: float, test: float, seed: int, origin: str
) -> dict[str, Indices]:
    """The source's own splits or, without them, items drawn at random; DataError E311 where one would be empty."""
    if own is not None:
        return {split: np.array(own[split], dtype=np.int64) for split in SPLITS}
    order = np.random.default_rng(seed).permutation(count)
    n_test, n_valid = round(count * test), round(count * valid)
    parts = np.split(order, [n_test, n_test + n_valid])
    for name, part in zip(("test", "valid", "train"), parts, strict=True):
        if not len(part):
            what = f"{origin} has {count} items, none of them for {name}"
            raise DataError(what, code="E311", fix=f"give more of them, or a larger share for {name}")
    drawn = dict(zip(("test", "valid", "train"), map(np.sort, parts), strict=True))
    return {split: drawn[split] for split in SPLITS}


def _words(train: Sequence[Sequence[str]], options: TagConfig) -> Words:
    """One id for each word, whatever is in it: the words are apart already."""
    tokenizer = Words(pattern=r".+", lowercase=options.lowercase, least=options.least)
    tokenizer.fit((word for sentence in train for word in sentence), (UNKNOWN,))
    return tokenizer


def _letters(train: Sequence[Sequence[str]]) -> Vocabulary:
    counts = Counter(letter for sentence in train for word in sentence for letter in word)
    return Vocabulary.of(counts, (_NO_LETTER, UNKNOWN))


def _check_known(found: Sentences, splits: dict[str, Indices], position: dict[str, int]) -> None:
    problems = []
    for split in ("valid", "test"):
        for i in splits[split]:
            new = next((tag for tag in found.tags[i] if tag not in position), None)
            if new is not None:
                what = f"the tag {new!r} of {split} never occurs in train, so it cannot be learnt"
                fix = f"correct it, or move such a sentence to train; {nearest(new, position, 'tags')}"
                problems.append(found.problem("E313", int(i), what, fix))
    if problems:
        raise DataError.collect(problems[:5])
