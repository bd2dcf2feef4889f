"""What a text looks like before a model sees it: `seqhub data`."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqhub.data.token_file import TokenFile
from seqhub.text import UNKNOWN

_LOOKED_AT = 5_000_000  # tokens of a split: enough for shares
_SHOWN = 8
_EXAMPLE = 60


def describe_text(file: TokenFile) -> dict[str, Any]:
    """JSON: tokens, vocabulary, splits, their first lines, warnings."""
    unknown = file.tokenizer.vocabulary.id(UNKNOWN)
    splits, warnings = [], []
    for split, part in file.parts.items():
        ids = file.read(part.first, min(part.stop, part.first + _LOOKED_AT))
        share = float((ids == unknown).mean())
        characters = file.characters[split]
        splits.append(
            {
                "split": split,
                "characters": characters,
                "tokens": len(part),
                "characters_a_token": characters / len(part),
                "unknown": share,
                "begins": repr(file.tokenizer.decode(ids[:_EXAMPLE].tolist())[:_EXAMPLE]),
            }
        )
        if split != "train" and share > 0.02:
            warnings.append(f"{share:.1%} of the tokens of {split} are not in the vocabulary, and count as one token")
    return {
        "task": "language-model",
        "source": file.origin,
        "tokenizer": file.tokenizer.kind,
        "vocabulary": file.tokenizer.size,
        "frequent": _frequent(file),
        "splits": splits,
        "notes": list(file.notes),
        "warnings": warnings,
    }


def _frequent(file: TokenFile) -> str:
    """The commonest tokens of train, as they are spelt."""
    part, tokens = file.parts["train"], file.tokenizer.vocabulary.tokens
    counts = np.bincount(file.read(part.first, min(part.stop, part.first + _LOOKED_AT)), minlength=len(tokens))
    return " ".join(repr(tokens[i]) for i in np.argsort(-counts, kind="stable")[:_SHOWN])
