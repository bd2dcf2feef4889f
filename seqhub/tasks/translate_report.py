"""What parallel text looks like before a model sees it: `seqhub data`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqhub.data.splits import SPLITS
from seqhub.tasks.translate_text import Corpus, bucketed
from seqhub.text import UNKNOWN, Tokenizer

_EXAMPLES = 3


def describe_corpus(corpus: Corpus, size: int = 64) -> dict[str, Any]:
    """JSON: pairs, vocabularies, lengths and unknown tokens split by split, examples, warnings."""
    pairs = corpus.pairs
    return {
        "task": "translate",
        "source": pairs.origin,
        "pairs": len(pairs),
        "vocabulary": {"source": corpus.readers[0].size, "target": corpus.readers[1].size},
        "padding": f"{_waste(corpus, size):.0%} of a batch of {size} pairs of like length",
        "splits": [_split_row(corpus, name) for name in SPLITS],
        "examples": [_example(corpus, i) for i in corpus.splits["train"][:_EXAMPLES]],
        "notes": list(corpus.notes),
        "warnings": _warnings(corpus),
    }


def _split_row(corpus: Corpus, split: str) -> dict[str, Any]:
    members = corpus.splits[split]
    row: dict[str, Any] = {"split": split, "pairs": len(members)}
    for name, ids, reader in zip(
        ("source", "target"), (corpus.source_ids, corpus.target_ids), corpus.readers, strict=True
    ):
        lengths = np.array([len(ids[i]) - 1 for i in members])
        row[f"{name} tokens"] = int(lengths.sum())
        row[f"{name} median"] = float(np.median(lengths))
        row[f"{name} most"] = int(lengths.max())
        row[f"{name} unknown"] = f"{_unknown(ids, members, reader):.1%}"
    return row


def _unknown(ids: Sequence[Sequence[int]], members: Sequence[int], reader: Tokenizer) -> float:
    unknown = reader.vocabulary.id(UNKNOWN)
    count = sum(len(ids[i]) for i in members)
    return sum(list(ids[i]).count(unknown) for i in members) / count


def _waste(corpus: Corpus, size: int) -> float:
    """Share of the steps that are padding, source and target together."""
    members = corpus.splits["train"]
    padded = real = 0
    for batch in bucketed(corpus, "train", size, None, epoch=0, seed=0):
        for ids in (corpus.source_ids, corpus.target_ids):
            lengths = [len(ids[members[i]]) for i in batch]
            padded += max(lengths) * len(lengths)
            real += sum(lengths)
    return 1 - real / padded


def _example(corpus: Corpus, i: int) -> dict[str, str]:
    """One pair as text, and as the model reads it."""
    tokens = (
        " ".join(reader.vocabulary.tokens[t] for t in ids[i])
        for ids, reader in zip((corpus.source_ids, corpus.target_ids), corpus.readers, strict=True)
    )
    return dict(zip(("source", "target", "source tokens", "target tokens"), (*_texts(corpus, i), *tokens), strict=True))


def _texts(corpus: Corpus, i: int) -> tuple[str, str]:
    return corpus.pairs.source[i], corpus.pairs.target[i]


def _warnings(corpus: Corpus) -> list[str]:
    found = []
    train = {_texts(corpus, i) for i in corpus.splits["train"]}
    for split in ("valid", "test"):
        twice = sum(_texts(corpus, i) in train for i in corpus.splits[split])
        if twice:
            found.append(f"{twice} of {len(corpus.splits[split])} pairs of {split} are in train as well, word for word")
    for name, ids, reader in zip(
        ("source", "target"), (corpus.source_ids, corpus.target_ids), corpus.readers, strict=True
    ):
        share = _unknown(ids, corpus.splits["test"], reader)
        if share > 0.05:
            found.append(f"{share:.0%} of the {name} tokens of test are unknown: bpe has no unknown ones")
    return found
