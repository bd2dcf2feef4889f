"""What the writer of an unknown key or name probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

# The words of other libraries and what they are here.
SYNONYMS: Mapping[str, str] = {
    "batch_size": "batch",
    "bidirectional": "direction",
    "dropout_rate": "dropout",
    "ema": "ema_decay",
    "gradient_clip": "clip",
    "grad_clip": "clip",
    "gradient_clip_val": "clip",
    "hidden_dim": "hidden",
    "hidden_size": "hidden",
    "kernel_size": "kernel",
    "layers": "repeat",
    "learning_rate": "lr",
    "max_epochs": "epochs",
    "n_heads": "heads",
    "num_epochs": "epochs",
    "num_heads": "heads",
    "num_layers": "repeat",
    "random_seed": "seed",
    "units": "hidden",
    "wd": "weight_decay",
}


def nearest(word: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The candidate that the word is a synonym or a misspelling of."""
    known = list(candidates)
    if SYNONYMS.get(word) in known:
        return SYNONYMS[word]
    plainest = {_plain(name): name for name in known}
    if _plain(word) in plainest:
        return plainest[_plain(word)]
    close = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return close[0] if close else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def choice(names: Iterable[str], most: int = 16) -> str:
    """A list for people, cut where it would be a dump."""
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")
