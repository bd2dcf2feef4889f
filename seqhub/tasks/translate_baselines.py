"""Translations that need no model.

copy      the source itself
nearest   the translation of the training source that shares most words (of the tokeniser), rare words counting more
"""

from __future__ import annotations

from seqhub.tasks.translate_text import Corpus


def naive_translations(corpus: Corpus, split: str) -> dict[str, list[str]]:
    """Name to the translations of a split, in its order."""
    members = corpus.splits[split]
    asked = [corpus.source_ids[i] for i in members]
    found = _nearest([corpus.source_ids[i] for i in corpus.splits["train"]], asked)
    return {
        "copy": [corpus.pairs.source[i] for i in members],
        "nearest": [corpus.pairs.target[corpus.splits["train"][i]] for i in found],
    }


def _nearest(known: list[list[int]], asked: list[list[int]]) -> list[int]:
    """For each list of ids the position of the one most like it: cosine of TF-IDF weights; the first of equals."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(analyzer=list, dtype=np.float32)
    columns = weights.fit_transform(known).T.tocsc()  # [terms, known]
    rows = weights.transform(asked)
    found: list[int] = []
    for first in range(0, len(asked), 256):  # so that [256, known] is all that is held
        found += np.asarray((rows[first : first + 256] @ columns).todense()).argmax(axis=1).tolist()
    return found
