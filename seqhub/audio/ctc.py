"""Decoding of connectionist temporal classification: scores of each frame into a text (Graves et al. 2006).

A path gives each frame a token or the blank, id 0; its text is the path without repeats and blanks. Shapes: T frames,
V tokens, the blank included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLANK = 0
Scores = NDArray[np.floating]
_NEVER = -np.inf


def greedy_text(scores: Scores) -> list[int]:
    """The text of the likeliest path: scores [T V] -> ids."""
    best = scores.argmax(axis=1).tolist() if len(scores) else []
    return [token for i, token in enumerate(best) if token != BLANK and (i == 0 or token != best[i - 1])]


def beam_text(scores: Scores, beam: int) -> list[int]:
    """The likeliest text found with `beam` prefixes kept, the paths of each added up (arXiv:1408.2873): ids.

    scores: logits or log probabilities [T V]. A prefix is kept with two log probabilities: of its paths that end in a
    blank, and of those that end in its last token.
    """
    if beam < 1:
        raise ValueError(f"beam is {beam}, expected 1 or more")
    kept: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, _NEVER)}
    for frame in _log_softmax(scores):
        # what else could not enter the beam, nor add to a prefix in it
        tokens = {*np.argsort(frame)[::-1][: beam + 2].tolist(), *(prefix[-1] for prefix in kept if prefix)}
        grown: dict[tuple[int, ...], tuple[float, float]] = {}
        for prefix, (blank, token) in kept.items():
            every = np.logaddexp(blank, token)
            _add(grown, prefix, blank=every + frame[BLANK])
            if prefix:
                _add(grown, prefix, token=token + frame[prefix[-1]])
            for new in tokens:
                if new == BLANK:
                    continue
                before = blank if prefix and new == prefix[-1] else every  # a repeat needs a blank in between
                _add(grown, (*prefix, new), token=before + frame[new])
        best = sorted(grown.items(), key=lambda entry: np.logaddexp(*entry[1]), reverse=True)
        kept = dict(best[:beam])
    return list(max(kept.items(), key=lambda entry: np.logaddexp(*entry[1]))[0])


def _add(
    grown: dict[tuple[int, ...], tuple[float, float]],
    prefix: tuple[int, ...],
    *,
    blank: float = _NEVER,
    token: float = _NEVER,
) -> None:
    had = grown.get(prefix, (_NEVER, _NEVER))
    grown[prefix] = (float(np.logaddexp(had[0], blank)), float(np.logaddexp(had[1], token)))


def _log_softmax(scores: Scores) -> NDArray[np.float64]:
    shifted = np.asarray(scores, dtype=np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
