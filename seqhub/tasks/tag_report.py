"""What tagged sentences look like before a model sees them: `seqhub data`."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqhub.tasks.sentences import Tagged
from seqhub.text import UNKNOWN

_SHOWN = 20
_EXAMPLES = 3


def describe_tagged(tagged: Tagged) -> dict[str, Any]:
    """JSON: sentences, lengths, tags, splits, examples, warnings."""
    sentences, unknown = tagged.sentences, tagged.words.vocabulary.id(UNKNOWN)
    lengths = np.array([len(words) for words in sentences.words])
    counts = {
        split: np.bincount(np.concatenate([tagged.tags[i] for i in members]), minlength=len(tagged.labels))
        for split, members in tagged.splits.items()
    }
    train = {tuple(sentences.words[i]) for i in tagged.splits["train"]}
    warnings, splits = [], []
    for split, members in tagged.splits.items():
        ids = np.concatenate([tagged.ids[i][:, 0] for i in members])
        twice = sum(tuple(sentences.words[i]) in train for i in members) if split != "train" else 0
        splits.append(
            {
                "split": split,
                "sentences": len(members),
                "words": int(lengths[members].sum()),
                "unknown": float((ids == unknown).mean()),
                "in_train": twice,
            }
        )
        if twice > 0.05 * len(members):
            warnings.append(f"{twice} of {len(members)} sentences of {split} are in train as well: its numbers flatter")
    examples = [
        " ".join(f"{word}/{tag}" for word, tag in zip(sentences.words[i], sentences.tags[i], strict=True))
        for i in tagged.splits["train"][:_EXAMPLES]
    ]
    left = len(tagged.labels) - _SHOWN
    return {
        "task": "tag",
        "source": sentences.origin,
        "vocabulary": tagged.words.size,
        "tags": len(tagged.labels),
        "lengths": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
        "labels": [
            {"label": label, **{split: int(count[i]) for split, count in counts.items()}}
            for i, label in enumerate(tagged.labels[:_SHOWN])
        ],
        "splits": splits,
        "notes": [
            *sentences.notes,
            *([f"{left} rarer tags are not shown"] if left > 0 else []),
            *(f"example: {example}" for example in examples),
        ],
        "warnings": warnings,
    }
