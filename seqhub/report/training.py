"""How the loss fell, and which epoch was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqhub.report.canvas import FAINT, MODEL, OTHERS, drawing, whole_numbers


def loss_plot(history: Sequence[Mapping[str, Any]], path: Path, title: str = "") -> Path:
    """Training and validation loss over epochs, from the rows of metrics.jsonl, with the best epoch marked."""
    with drawing(path, 7.0, 3.6) as (axes,):
        _losses(axes, history)
        axes.set_title(title)
    return path


def _losses(axes: Any, history: Sequence[Mapping[str, Any]]) -> None:
    epochs = [row["epoch"] for row in history]
    mark = "." if len(history) < 40 else ""
    axes.plot(epochs, [row["train_loss"] for row in history], color=OTHERS[0], marker=mark, label="training")
    if "valid_loss" in history[0]:
        axes.plot(epochs, [row["valid_loss"] for row in history], color=MODEL, marker=mark, label="validation")
    best = next(row for row in reversed(history) if row["best"])
    axes.axvline(best["epoch"], color=FAINT, linestyle=":", label=f"kept: epoch {best['epoch']}")
    losses = [row[key] for row in history for key in ("train_loss", "valid_loss") if key in row]
    if min(losses) > 0:
        axes.set_yscale("log")
        _plain_ticks(axes)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    whole_numbers(axes.xaxis)
    axes.legend(loc="best")


def _plain_ticks(axes: Any) -> None:
    """0.2 rather than 2 x 10^-1, and labels between the decades where there are few of them."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    low, high = axes.get_ylim()
    narrow = high / low < 30
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7) if narrow else (1,)))
    formatter = ScalarFormatter()
    formatter.set_scientific(False)
    axes.yaxis.set_major_formatter(formatter)
    axes.yaxis.set_minor_formatter(NullFormatter())
