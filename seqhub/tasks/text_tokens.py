"""The tokeniser that an option of a task names."""

from __future__ import annotations

import importlib

from seqhub.api import Use
from seqhub.text import Tokenizer
from seqhub.text.tokenizers import KINDS


def build_tokenizer(named: Use | str) -> Tokenizer:
    """A tokeniser not yet fitted; a bare name is a kind of `seqhub.text`. ValueError where it is not."""
    if isinstance(named, Use):
        built: Tokenizer = named.build()
        return built
    if named not in KINDS:
        raise ValueError(f"there is no tokeniser {named!r} here; there are {', '.join(sorted(KINDS))}")
    module, _, name = KINDS[named].partition(":")
    made: Tokenizer = getattr(importlib.import_module(module), name)()
    return made
