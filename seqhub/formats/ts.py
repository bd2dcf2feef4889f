"""The `.ts` format of the UEA and UCR archives: a header of `@` lines, then one series a line.

    # a comment
    @problemName walks
    @timeStamps false
    @dimensions 2
    @equalLength false
    @classLabel true Standing Running
    @data
    0.1,0.2,?:1.5,1.4,1.3:Standing          the dimensions, apart by colons, then the label; ? is a missing value

Format: aeon-toolkit, https://www.aeon-toolkit.org. Series with time stamps, `(0,0.1),(3,0.2)`, are refused.
Shapes: T steps, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.errors import DataError, Place
from seqhub.formats.series import Numbers, Problems, Series, lines_of, numbers

_KNOWN = (
    "problemname", "timestamps", "missing", "univariate", "dimensions", "dimension", "equallength", "serieslength",
    "classlabel", "targetlabel", "data",
)  # fmt: skip
_HEADER = "the lines above @data are: @problemName, @timeStamps, @dimensions, @equalLength, @classLabel"


@dataclass
class _Header:
    """dimensions, steps: 0 where the file does not say.  classes: what labels there are; labelled: lines end in one."""

    dimensions: int = 0
    steps: int = 0
    labelled: bool = False
    classes: tuple[str, ...] = ()


def read_ts(path: Path, named: str, encoding: str = "utf-8") -> Series:
    """Every series of the file. Raises DataError, with the file and line: E303 header or no series, E304 encoding, E306
    dimensions or lengths that do not fit, E308 no number, E309 infinite, E313 a label that the header does not name.
    """
    lines = lines_of(path, named, encoding)
    header = _header(lines, path, named)
    problems, series = Problems(path, named), Series([], [], [])
    for number, text in lines:
        if not text.strip() or text.startswith("#"):
            continue
        *parts, label = text.split(":") if header.labelled else [*text.split(":"), ""]
        header.dimensions = header.dimensions or len(parts)
        item = _item(parts, header, problems, number, text)
        if item is None:
            continue
        label = label.strip()
        if header.labelled and header.classes and label not in header.classes:
            known = ", ".join(header.classes)
            fix = f"@classLabel names {known}; correct the label, or name it there"
            problems.add("E313", number, text, f"the label {label!r} is not in the header", fix)
        series.items.append(item)
        series.labels.extend([label] if header.labelled else [])
        series.lines.append(number)
    problems.raise_found()
    if not series.items:
        raise DataError(f"{named} has no series below @data", code="E303", fix="give one series a line")
    return series


def _header(lines: Iterator[tuple[int, str]], path: Path, named: str) -> _Header:
    header = _Header()
    for number, text in lines:
        if not text.strip() or text.startswith("#"):
            continue
        place = Place(str(path), number, 1, text[:100])
        word, _, rest = text.strip().partition(" ")
        tag, values = word[1:].lower(), rest.split()
        if not word.startswith("@") or tag not in _KNOWN:
            what = f"{named} line {number}: {word[:40]!r} is no line of a header"
            raise DataError(what, code="E303", fix=f"{_HEADER}; series follow it", place=place)
        if tag == "data":
            return header
        if tag == "timestamps" and values[:1] and values[0].lower() == "true":
            what = f"{named} line {number}: its series carry time stamps, which are not read"
            raise DataError(what, code="E303", fix="write plain values with @timeStamps false", place=place)
        if tag in ("dimensions", "dimension", "serieslength"):
            if len(values) != 1 or not values[0].isdigit() or int(values[0]) < 1:
                what = f"{named} line {number}: {word} is {rest!r}, expected a whole number above 0"
                raise DataError(what, code="E303", fix=f"as in {word} 3", place=place)
            size = int(values[0])
            header.dimensions, header.steps = (
                (header.dimensions, size) if tag == "serieslength" else (size, header.steps)
            )
        if tag == "univariate" and [value.lower() for value in values] == ["true"]:
            header.dimensions = 1
        if tag == "classlabel":
            if not values or values[0].lower() not in ("true", "false"):
                what = f"{named} line {number}: @classLabel is {rest!r}, expected true with the labels, or false"
                raise DataError(what, code="E303", fix="as in @classLabel true yes no", place=place)
            header.labelled, header.classes = values[0].lower() == "true", tuple(values[1:])
        if tag == "targetlabel" and [value.lower() for value in values[:1]] == ["true"]:
            what = f"{named} line {number}: its series end in a number, not in a label"
            raise DataError(what, code="E303", fix="use a file with @classLabel true", place=place)
    raise DataError(f"{named} has no line @data", code="E303", fix=f"{_HEADER}; then @data, then one series a line")


def _item(parts: list[str], header: _Header, problems: Problems, number: int, text: str) -> Numbers | None:
    """[T D] of one line, or None with a problem."""
    if len(parts) != header.dimensions:
        what = f"it has {len(parts)} dimensions, expected {header.dimensions}"
        fix = "colons stand between dimensions" + (", and before the label" if header.labelled else "")
        problems.add("E306", number, text, what, fix)
        return None
    columns = []
    for at, part in enumerate(parts, start=1):
        values = numbers(part.split(","))
        if isinstance(values, tuple):
            code, what, fix = values
            problems.add(code, number, text, what if len(parts) == 1 else f"dimension {at}: {what}", fix)
            return None
        columns.append(values)
    longest, shortest = max(map(len, columns)), min(map(len, columns))
    if longest != shortest or (header.steps and longest != header.steps):
        expected = header.steps or longest
        at = next(i for i, column in enumerate(columns, start=1) if len(column) != expected)
        what = f"dimension {at} has {len(columns[at - 1])} values, expected {expected}"
        said = "; @seriesLength says so" if header.steps else ""
        problems.add("E306", number, text, what, f"give every dimension of a series the same number of values{said}")
        return None
    return np.stack(columns, axis=1)
