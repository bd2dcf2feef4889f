"""What labelled texts look like before a model sees them, and what a bag of words says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqhub.tasks.labelled_texts import LabelledTexts
from seqhub.text import UNKNOWN

_EXAMPLES = 3


def describe_texts(labelled: LabelledTexts) -> dict[str, Any]:
    """JSON: texts, lengths, labels, splits, examples, warnings."""
    texts, unknown = labelled.texts, labelled.tokenizer.vocabulary.id(UNKNOWN)
    lengths = np.array([len(ids) for ids in labelled.ids])
    counts = {
        split: np.bincount(labelled.classes[members], minlength=len(labelled.labels))
        for split, members in labelled.splits.items()
    }
    train = {texts.texts[i] for i in labelled.splits["train"]}
    splits, warnings = [], []
    for split, members in labelled.splits.items():
        twice = sum(texts.texts[i] in train for i in members) if split != "train" else 0
        ids = np.concatenate([labelled.ids[i] for i in members])
        splits.append(
            {
                "split": split,
                "texts": len(members),
                "tokens": int(lengths[members].sum()),
                "unknown": float((ids == unknown).mean()),
                "in_train": twice,
            }
        )
        if twice > 0.05 * len(members):
            warnings.append(f"{twice} of {len(members)} texts of {split} are in train as well: its numbers flatter")
    examples = [f"{texts.texts[i]!r} is {texts.labels[i]}" for i in labelled.splits["train"][:_EXAMPLES]]
    return {
        "task": "text-classify",
        "source": texts.origin,
        "texts": len(texts.texts),
        "vocabulary": labelled.tokenizer.size,
        "lengths": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
        "labels": [
            {"label": label, **{split: int(count[i]) for split, count in counts.items()}}
            for i, label in enumerate(labelled.labels)
        ],
        "splits": splits,
        "notes": [*texts.notes, *(f"example: {example}" for example in examples)],
        "warnings": warnings,
    }


def simple_answers(labelled: LabelledTexts, split: str) -> dict[str, Tensor]:
    """majority, and bag-of-words: logistic regression on TF-IDF of words, as log probabilities [N C]."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, members = labelled.splits["train"], labelled.splits[split]
    classes, count = labelled.classes[train], len(labelled.labels)
    shares = np.bincount(classes, minlength=count) / len(classes)
    found = {"majority": np.tile(shares, (len(members), 1))}
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]")
    inputs = words.fit_transform([labelled.texts.texts[i] for i in train])
    linear = LogisticRegression(C=10.0, max_iter=1000).fit(inputs, classes)
    given = linear.predict_proba(words.transform([labelled.texts.texts[i] for i in members]))
    found["bag-of-words"] = np.zeros((len(members), count))
    found["bag-of-words"][:, linear.classes_] = given
    return {name: torch.from_numpy(np.log(np.maximum(p, 1e-12))).float() for name, p in found.items()}
