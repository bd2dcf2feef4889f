"""Which labels are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.report.canvas import drawing


def confusion_matrix(truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """Counts [label label]: rows are true labels, columns predicted ones."""
    place = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for true, guess in zip(truth, prediction, strict=True):
        counts[place[true], place[guess]] += 1
    return counts


def confusion_plot(counts: NDArray[np.int64], labels: Sequence[str], path: Path, title: str = "") -> Path:
    """Write the matrix as a picture: shades are shares of the true label, numbers are items."""
    inches = min(12.0, 2.6 + 0.42 * len(labels))
    with drawing(path, inches + 0.6, inches) as (axes,):
        _cells(axes, counts, labels)
        axes.set_title(f"{title}\n{int(np.trace(counts))} of {counts.sum()} right".strip())
    return path


def _cells(axes: Any, counts: NDArray[np.int64], labels: Sequence[str]) -> None:
    size = len(labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    ticks = range(size)
    axes.set_xticks(ticks, labels, rotation=0 if max(map(len, labels)) < 4 else 60)
    axes.set_yticks(ticks, labels)
    axes.tick_params(length=0)
    if size <= 25:
        for row in ticks:
            for column in ticks:
                if counts[row, column]:
                    shade = "white" if shares[row, column] > 0.55 else "#333333"
                    axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=shade, fontsize=9)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
