"""Search for the likeliest sequence that a decoder can write: greedy and beam, in numpy.

It knows no model: `step` scores one more token for each hypothesis, and gives back the state after it. All hypotheses
of all rows take a step in one call, and what has ended takes none.

    score = log p(tokens) / penalty(number of tokens),   penalty(n) = ((5 + n) / 6) ^ alpha

Wu et al. 2016, arXiv:1609.08144, equation 14, without its coverage. Greedy search is a beam of width 1.
Letters of shapes: R rows, N hypotheses, V tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqhub.errors import BundleError

Arrays = dict[str, Any]  # [N ...] each: numpy's, or whatever takes an array of indices as numpy's do
Step = Callable[[np.ndarray, np.ndarray, Arrays], tuple[np.ndarray, Arrays]]


@dataclass(frozen=True, kw_only=True)
class Search:
    """width: hypotheses kept for a row; 1 is greedy.  length_penalty: alpha; above 0 longer ones are favoured.
    least, most: tokens, the one that ends not counted.  ratio: no more than ratio * (source length) + 5 either.
    """

    width: int = 4
    length_penalty: float = 0.6
    least: int = 0
    most: int = 200
    ratio: float = 2.0

    def __post_init__(self) -> None:
        if self.width < 1 or self.most < 1 or not 0 <= self.least <= self.most or self.ratio <= 0:
            raise ValueError(f"width and most are 1 or more, least 0 to most, ratio above 0; got {self}")

    def limits(self, sources: Sequence[int] | np.ndarray) -> list[int]:
        """The most tokens for sources of these lengths."""
        return [max(self.least, min(self.most, math.ceil(self.ratio * int(length)) + 5)) for length in sources]


@dataclass(frozen=True)
class Hypothesis:
    """ids: without the tokens that begin and end.  log_p: natural logarithm, the end counted.  score: of the search."""

    ids: tuple[int, ...]
    log_p: float
    score: float


@dataclass(frozen=True)
class _Open:
    """A hypothesis that has not ended; `at` is its place among those that take the next step."""

    ids: tuple[int, ...]
    log_p: float
    at: int


def search(
    step: Step,
    state: Arrays,
    limits: Sequence[int],
    options: Search,
    *,
    begin: int,
    end: int,
    never: Sequence[int] = (),
    best: int = 1,
) -> list[list[Hypothesis]]:
    """The `best` hypotheses of every row, likeliest first.

    step: last tokens [N], the row of each [N], state -> scores [N V], state after; scores need not be normalised.
    state: of the R rows before the first step.  limits: most tokens of each row.  never: ids that are not written.
    """
    rows = len(limits)
    found: list[list[Hypothesis]] = [[] for _ in range(rows)]
    live = [[_Open((), 0.0, row)] for row in range(rows)]
    tokens = np.full(rows, begin, dtype=np.int64)
    owners = np.arange(rows)
    while len(owners):
        scores, state = step(tokens, owners, state)
        if not np.isfinite(scores).all():
            raise BundleError("the decoder's scores are not finite", fix="train the model again", code="E716")
        log_p = log_softmax(scores)
        log_p[:, list(never)] = -np.inf
        chosen: list[tuple[int, _Open]] = []
        for row in np.unique(owners).tolist():
            live[row] = _grow(live[row], log_p, found[row], limits[row], options, end, best)
            chosen += [(row, one) for one in live[row]]
        keep = np.array([one.at for _, one in chosen], dtype=np.int64)
        state = {name: value[keep] for name, value in state.items()}
        tokens = np.array([one.ids[-1] for _, one in chosen], dtype=np.int64)
        owners = np.array([row for row, _ in chosen], dtype=np.int64)
        at = 0
        for row in range(rows):
            live[row] = [_Open(one.ids, one.log_p, at + i) for i, one in enumerate(live[row])]
            at += len(live[row])
    return [each[:best] for each in found]


def _grow(
    live: list[_Open], log_p: np.ndarray, found: list[Hypothesis], limit: int, options: Search, end: int, best: int
) -> list[_Open]:
    """One more token for the hypotheses of a row: the likeliest that do not end yet are given back, none once enough
    have ended. Those that end among the `width` likeliest go to `found`; at the limit all end.
    """
    totals = np.stack([one.log_p + log_p[one.at] for one in live])  # [n V]
    size, written, enough = totals.shape[1], len(live[0].ids), max(options.width, best)
    if written < options.least:
        totals[:, end] = -np.inf
    if written >= limit:
        totals[:, [i for i in range(size) if i != end]] = -np.inf
    grown: list[_Open] = []
    for rank, place in enumerate(_largest(totals.ravel(), 2 * enough)):
        one, token, total = live[place // size], place % size, float(totals.flat[place])
        if total == -math.inf:
            break
        if token == end and (rank < enough or written >= limit):
            found.append(Hypothesis(one.ids, total, total / penalty(written + 1, options.length_penalty)))
        elif token != end and len(grown) < enough:
            grown.append(_Open((*one.ids, token), total, one.at))
    found.sort(key=lambda hypothesis: -hypothesis.score)
    if len(found) >= enough:
        return []
    # The largest divisor is kindest: log p is negative and only falls, so what cannot reach the last place is dropped.
    kindest = max(penalty(written + 2, options.length_penalty), penalty(limit + 1, options.length_penalty))
    bar = found[best - 1].score if len(found) >= best else -math.inf
    return [one for one in grown if one.log_p / kindest > bar]


def _largest(values: np.ndarray, count: int) -> list[int]:
    """Places of the largest values, largest first, equal ones by their place."""
    top = np.arange(len(values))
    if count < len(values):
        top = np.argpartition(-values, count - 1)[:count]
    order: list[int] = top[np.lexsort((top, -values[top]))].tolist()
    return order


def penalty(tokens: int, alpha: float) -> float:
    """What the log probability of so many tokens is divided by."""
    return float(((5 + tokens) / 6) ** alpha)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Natural logarithms of probabilities along the last axis, float64."""
    shifted = np.asarray(scores, dtype=np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
