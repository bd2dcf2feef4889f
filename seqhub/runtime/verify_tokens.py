"""Proving `tokens.onnx` where it is used: every token of the vocabulary, and some that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.errors import DataError
from seqhub.runtime.checks import Check
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.session import open_session
from seqhub.text import Vocabulary

FILE = "tokens.onnx"
ABSENT = -1  # the id of what is not in a vocabulary without `<unk>`


def check_tokens(folder: Path, manifest: Manifest) -> list[Check]:
    """One check where the bundle has the graph, or none. Its ids are those of the tokeniser's vocabulary."""
    if FILE not in manifest.files:
        return []
    vocabulary = Vocabulary.from_dict(manifest.task["tokenizer"]["vocabulary"])
    strange = ["", " ", "\n", "a b", "\N{REPLACEMENT CHARACTER}", "none of these"]
    longer = [2 * token for token in vocabulary.tokens[:50]]
    tokens = [*vocabulary.tokens, *strange, *longer]
    expected = np.array([_id(vocabulary, token) for token in tokens])
    wrong: set[str] = set()
    for optimize in (True, False):
        session = open_session(folder / FILE, optimize=optimize)
        (found,) = session.run(["ids"], {"tokens": np.array([tokens], dtype=object)})
        wrong |= {tokens[i] for i in np.flatnonzero(found[0] != expected)}
    told = f"{len(vocabulary)} tokens and {len(strange) + len(longer)} others have the vocabulary's ids"
    return [Check(FILE, not wrong, f"other ids than the vocabulary's: {sorted(wrong)[:5]}" if wrong else told)]


def _id(vocabulary: Vocabulary, token: str) -> int:
    try:
        return vocabulary.encode([token])[0]
    except DataError:
        return ABSENT
