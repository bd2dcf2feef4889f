"""The table at the end of a run: what was measured, beside what needs no model, and what the recipe promised."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

_WORDS = ("metric", "better", "expected")  # columns of words; the others hold numbers


@dataclass(frozen=True)
class Promise:
    """One line of `expect`, and whether the measured number keeps it."""

    metric: str
    bound: str
    value: float
    kept: bool


def score_rows(
    columns: Mapping[str, Mapping[str, float]], promises: Sequence[Promise], better: Mapping[str, str]
) -> tuple[list[str], list[list[str]]]:
    """Headers and one row a metric. columns: `model`, `repeat-last`, ... to numbers.  better: metric to min or max.

    A metric that one column lacks shows `-` there.
    """
    expected = {promise.metric: promise for promise in promises}
    names = list(dict.fromkeys(metric for numbers in columns.values() for metric in numbers))
    headers = ["metric", "better", *columns, *(["expected"] if promises else [])]
    rows = []
    for name in names:
        direction = {"min": "lower", "max": "higher"}.get(better.get(name, ""), "")
        row = [name, direction, *(_number(numbers.get(name)) for numbers in columns.values())]
        if promises:
            promise = expected.get(name)
            row.append(f"{promise.bound}  {'kept' if promise.kept else 'MISSED'}" if promise else "")
        rows.append(row)
    return headers, rows


def print_scores(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """On a terminal with rich; in a pipe or a file as plain columns that never wrap."""
    if not sys.stdout.isatty():
        print(title)
        _print_plain(headers, rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for header in headers:
        justify: Literal["left", "right"] = "left" if header in _WORDS else "right"
        table.add_column(header, justify=justify, no_wrap=True, header_style="underline")
    for row in rows:
        table.add_row(*(Text(cell, style=_style(cell, headers[i])) for i, cell in enumerate(row)))
    needed = sum(max(len(line[i]) for line in (headers, *rows)) + 2 for i in range(len(headers)))
    Console(width=max(Console().width, needed)).print(table)  # a number that is cut is worse than a line that wraps


def _style(cell: str, header: str) -> str:
    if header == "model":
        return "bold"
    if header == "expected":
        return "bold red" if cell.endswith("MISSED") else "green"
    return ""


def _print_plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[i]) for line in (headers, *rows)) for i in range(len(headers))]
    for line in (headers, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(width) if header in _WORDS else cell.rjust(width)
            for cell, width, header in zip(line, widths, headers, strict=True)
        ]
        print("  " + "  ".join(cells).rstrip())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
