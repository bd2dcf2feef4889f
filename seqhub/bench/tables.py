"""Markdown tables, and numbers as they stand in them."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right; every line ends with a newline."""
    rule = ["---", *["---:"] * (len(headers) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headers, rule, *rows))


def score_text(score: float, metric: str) -> str:
    """Accuracies in per cent, never rounded up to 100; errors with two digits that count."""
    if metric == "mse":
        return f"{score:.4f}" if score >= 0.001 else f"{score:.1e}"
    return "100" if score == 1 else f"{min(99.9, 100 * score):.1f}"


def time_text(seconds: float) -> str:
    """Whole seconds, or minutes from ten of them on."""
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
