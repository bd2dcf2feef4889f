"""How far the probabilities of a classifier can be believed: of the answers given with 80 %, are 80 % right?

The gaps between the two, weighted by how many answers there are, add up to the expected calibration error (Guo et al.
2017, arXiv:1706.04599).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqhub.report.canvas import FAINT, MODEL, TRUTH, drawing

BINS = 15


@dataclass(frozen=True, eq=False)
class Reliability:
    """Of each bin: edges [BINS + 1], items, mean probability and share of right answers (NaN where there are none)."""

    edges: NDArray[np.float64]
    items: NDArray[np.int64]
    probability: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1."""
        there = self.items > 0
        gaps = np.abs(self.probability - self.right)[there] * self.items[there]
        return float(gaps.sum() / max(self.items.sum(), 1))


def reliability(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> Reliability:
    """probability: [N] of the likeliest label.  right: [N] whether it was the true one.  A bin holds its upper edge."""
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.ceil(probability * BINS).astype(int) - 1, 0, BINS - 1)
    items = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = np.bincount(place, weights=probability, minlength=BINS) / items
        shares = np.bincount(place, weights=right.astype(np.float64), minlength=BINS) / items
    return Reliability(edges, items, means, shares)


def reliability_plot(found: Reliability, path: Path, title: str = "") -> Path:
    """Write the picture: above, probability against share of right answers; below, how many answers a bin holds."""
    there = found.items > 0
    with drawing(path, 5.0, 5.6, (3.0, 1.0)) as (axes, counts):
        axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--", label="believable")
        axes.plot(found.probability[there], found.right[there], color=MODEL, marker="o", markersize=4, label="model")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("share of right answers")
        axes.set_title(f"{title}\ncalibration error {found.error:.3f}".strip())
        axes.legend(loc="upper left")
        counts.bar(
            found.edges[:-1], found.items, width=1 / BINS, align="edge", color=MODEL, edgecolor=TRUTH, linewidth=0.3
        )
        counts.set_xlim(0, 1)
        counts.set_xlabel("probability of the likeliest label")
        counts.set_ylabel("items")
    return path
