"""Labelled blocks in plain text: a line with a label, then rows of numbers, one a step; a blank line ends a block.

    normal
        -1  -1  63  -3  -1   0
         0   0  62  -3  -1   0

    collision
        ...

Shapes: T rows, D cells of a row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.errors import DataError
from seqhub.formats.series import Numbers, Problems, Series, lines_of, numbers


def read_blocks(path: Path, named: str, encoding: str = "utf-8") -> Series:
    """Every block of the file. Raises DataError, with the file and line: E303 no blocks, E304 encoding, E306 a row with
    another number of cells, or a label without rows, E308 no number, E309 infinite, E313 a block without a label.
    """
    problems, series = Problems(path, named), Series([], [], [])
    block: list[tuple[int, str]] = []
    for number, text in [*lines_of(path, named, encoding), (0, "")]:
        if text.strip():
            block.append((number, text))
        elif block:
            _add(block, series, problems)
            block = []
    problems.raise_found()
    if not series.items:
        raise DataError(
            f"{named} has no blocks", code="E303", fix="give a label on a line, then a row of numbers a step"
        )
    return series


def _add(block: list[tuple[int, str]], series: Series, problems: Problems) -> None:
    (first, label), *rows = block
    if len(label.split()) > 1 and not isinstance(numbers(label.split()), tuple):
        what = "a block begins with numbers, not with its label"
        problems.add("E313", first, label, what, "write the label above its rows, and a blank line only behind them")
        return
    if not rows:
        problems.add("E306", first, label, f"the label {label.strip()!r} has no rows", "give it rows, or remove it")
        return
    width = series.items[0].shape[1] if series.items else len(rows[0][1].split())
    steps: list[Numbers] = []
    for number, text in rows:
        cells = text.split()
        values = numbers(cells)
        if isinstance(values, tuple):
            problems.add(values[0], number, text, values[1], f"{values[2]}; a blank line ends a block")
        elif len(cells) != width:
            fix = "give every row of the file as many numbers"
            problems.add("E306", number, text, f"the row has {len(cells)} numbers, expected {width}", fix)
        else:
            steps.append(values)
    if len(steps) == len(rows):
        series.items.append(np.stack(steps))
        series.labels.append(label.strip())
        series.lines.append(first)
