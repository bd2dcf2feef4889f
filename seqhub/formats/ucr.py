"""The tables of the UCR archive: one series a line, its label first. NaN behind the last value pads shorter series.

Shapes: T steps; there is one dimension.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.errors import DataError
from seqhub.formats.series import Problems, Series, lines_of, numbers


def read_ucr(path: Path, named: str, encoding: str = "utf-8", delimiter: str = "\t") -> Series:
    """Every series of the file, [T 1]. Raises DataError, with the file and line: E303 no series, E304 encoding, E306 a
    line without values, E308 no number, E309 infinite, E313 no label.

    delimiter: the character between two cells; a blank stands for any number of blanks.
    """
    problems, series = Problems(path, named), Series([], [], [])
    for number, text in lines_of(path, named, encoding):
        if not text.strip():
            continue
        label, *cells = text.split() if delimiter == " " else text.rstrip(delimiter).split(delimiter)
        if not cells:
            what = f"there is no {delimiter!r} between a label and its values"
            problems.add("E306", number, text, what, "write LABEL, then the values; or set delimiter")
            continue
        if not label.strip():
            problems.add("E313", number, text, "it has no label", "the label comes first")
            continue
        values = numbers(cells)
        if isinstance(values, tuple):
            problems.add(values[0], number, text, *values[1:])
            continue
        there = np.flatnonzero(~np.isnan(values))
        if not len(there):
            problems.add("E306", number, text, "every value is missing", "remove the line")
            continue
        series.items.append(values[: there[-1] + 1, None])
        series.labels.append(plain_label(label.strip()))
        series.lines.append(number)
    problems.raise_found()
    if not series.items:
        raise DataError(f"{named} has no series", code="E303", fix="give one series a line: its label, then its values")
    return series


def plain_label(label: str) -> str:
    """A whole number as it is counted: older files of the archive write class 1 as 1.0000000e+00."""
    try:
        value = float(label)
    except ValueError:
        return label
    return str(int(value)) if np.isfinite(value) and value == int(value) else label
