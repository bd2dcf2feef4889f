"""Answers that need no sequence model.

mean        of train, at every step
linear      least squares on the current step
linear-N    least squares on the last N steps; before the first one stands the first one
"""

from __future__ import annotations

import numpy as np

from seqhub.data.table import Numbers
from seqhub.tasks.measured import Measured, Recording

_MOST = 50_000  # numbers a column of the fit: it stays a matter of seconds


def simple_answers(measured: Measured, split: str, history: int, burn_in: int) -> dict[str, list[Numbers]]:
    """Name to the answers [T K] of every recording of a split; those of other methods too, where the data has them."""
    recordings, train = measured.splits[split], measured.splits["train"]
    mean = np.concatenate([r.y[burn_in:][r.scored[burn_in:]] for r in train]).mean(axis=0)
    found = {"mean": [np.broadcast_to(mean, r.y.shape) for r in recordings]}
    for name, steps in {"linear": 1, f"linear-{history}": history}.items():
        found[name] = _linear(train, recordings, steps, burn_in)
    for name in recordings[0].rivals if recordings else ():
        found[name] = [r.rivals[name] for r in recordings]
    return found


def recent(x: Numbers, steps: int) -> Numbers:
    """x [T D] -> [T D*steps]: each step beside those before it, the newest last."""
    padded = np.concatenate((np.repeat(x[:1], steps - 1, axis=0), x))
    return np.concatenate([padded[i : i + len(x)] for i in range(steps)], axis=1)


def _linear(train: list[Recording], recordings: list[Recording], steps: int, burn_in: int) -> list[Numbers]:
    from sklearn.linear_model import LinearRegression

    known = [np.flatnonzero(r.scored[burn_in:]) + burn_in for r in train]
    every = max(1, sum(map(len, known)) // _MOST)
    rows = [members[::every] for members in known]
    x = np.concatenate([recent(r.x, steps)[members] for r, members in zip(train, rows, strict=True)])
    y = np.concatenate([r.y[members] for r, members in zip(train, rows, strict=True)])
    fitted = LinearRegression().fit(x, y)
    return [np.asarray(fitted.predict(recent(r.x, steps))).reshape(r.y.shape) for r in recordings]
