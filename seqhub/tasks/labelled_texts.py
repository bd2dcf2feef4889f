"""Texts for classification: taken from a source, checked, split, and made ids with the vocabulary of train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from seqhub.data.batch import Item, Items
from seqhub.data.columns import texts as cells_of
from seqhub.data.splits import Indices
from seqhub.data.table import Source, Table
from seqhub.data.texts import Texts
from seqhub.errors import DataError, Place
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_text import TextClassifyConfig, TextClassifyData
from seqhub.tasks.labelled_splits import check_labels_known, split_labelled
from seqhub.tasks.text_tokens import build_tokenizer
from seqhub.text import UNKNOWN, Tokenizer


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """ids: [T] each, all of a text.  classes: [N] positions in `labels`.  splits: positions of texts.
    once: [V], whether a token occurs exactly once in train.
    """

    texts: Texts
    ids: list[NDArray[np.int64]]
    classes: Indices
    labels: tuple[str, ...]
    splits: dict[str, Indices]
    tokenizer: Tokenizer
    once: NDArray[np.bool_]


def read_labelled_texts(
    source: Source, options: TextClassifyConfig, data: TextClassifyData, seed: int
) -> LabelledTexts:
    """Raises DataError where the source gives something else, a text is empty, a split would be empty, there is one
    label only, or valid or test has a label that train has not.
    """
    texts = _texts(source, data)
    names = tuple(sorted(set(texts.labels)))
    if len(names) < 2:
        what = f"{texts.origin}: every text has the label {names[0]!r}, so there is nothing to learn"
        raise DataError(what, code="E315", fix="give texts of two labels or more")
    position = {name: i for i, name in enumerate(names)}
    classes = np.array([position[label] for label in texts.labels])
    splits = split_labelled(classes, data.split, data, seed, origin=texts.origin, own=texts.splits)
    check_labels_known(texts.labels, splits, texts.problem)
    tokenizer = build_tokenizer(options.tokens)
    tokenizer.fit((texts.texts[i] for i in splits["train"]), (UNKNOWN,))
    ids = [np.array(tokenizer.encode(text), dtype=np.int64) for text in texts.texts]
    empty = [i for i, row in enumerate(ids) if not len(row)]
    if empty:
        what = f"the text {texts.texts[empty[0]]!r} has no token"
        raise DataError.collect([texts.problem("E318", i, what, "remove it, or use other tokens") for i in empty[:5]])
    seen = np.bincount(np.concatenate([ids[i] for i in splits["train"]]), minlength=tokenizer.size)
    once = seen == 1
    once[tokenizer.vocabulary.id(UNKNOWN)] = False
    return LabelledTexts(texts, ids, classes, names, splits, tokenizer, once)


class TextItems(Items):
    """Item i of a split: x [T 1] ids, at most `longest` of them; target: the position of its label."""

    def __init__(self, labelled: LabelledTexts, split: str, longest: int | None) -> None:
        self.ids, self.classes = labelled.ids, labelled.classes
        self.members, self.longest = labelled.splits[split], longest

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> Item:
        member = int(self.members[index])
        ids = torch.from_numpy(self.ids[member][: self.longest])[:, None]
        return Item(ids, torch.tensor(int(self.classes[member])), torch.tensor(index))


def _texts(source: Source, data: TextClassifyData) -> Texts:
    found = source.read()
    if isinstance(found, Table):
        found.require([data.text, data.label])
        locate = found.locate
        return Texts(
            texts=[text.strip() for text in cells_of(found, data.text)],
            labels=cells_of(found, data.label),
            origin=found.origin,
            splits=found.splits,
            notes=found.notes,
            locate=None if locate is None else partial(_cell, locate, data.text),
        )
    if isinstance(found, Texts):
        return found
    fix = "use a source such as csv, jsonl or lines"
    raise refuse_source(found.origin, "something else", "text-classify", "texts with labels", fix)


def _cell(locate: Callable[[int, str], Place], column: str, row: int) -> Place:
    return locate(row, column)
