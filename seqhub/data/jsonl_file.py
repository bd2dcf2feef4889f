"""One JSON object a line: its keys are columns, and numbers stay numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from seqhub.data.configs_text import JsonlConfig
from seqhub.data.split_files import Line, lines_of, raise_first
from seqhub.data.table import Table
from seqhub.errors import DataError, Place, Problem


class JsonlSource:
    """Every key that the first line has."""

    def __init__(self, config: JsonlConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Table:
        """DataError E301, E302 or E304 where the file is missing, empty or not UTF-8, E303 where it has no row, E300
        for a line that is no JSON object, E306 for one that lacks a key.
        """
        named = self.config.path
        lines = [line for line in lines_of(self.base_dir, named, "utf-8") if line.text.strip()]
        if not lines:
            raise DataError(f"{named} has no rows", code="E303", fix="give one JSON object a line")
        problems: list[Problem] = []
        rows = [_parsed(line, problems) for line in lines]
        raise_first(problems, named)
        names = list(rows[0])
        for row, line in zip(rows, lines, strict=True):
            lacks = next((name for name in names if row.get(name) is None), None)
            if lacks is not None:
                what = f"{named} line {line.number} has no {lacks!r}, which the first line has"
                problems.append(Problem("E306", what, "give every object the same keys", line.place()))
        raise_first(problems, named)
        columns = {name: _column([row[name] for row in rows]) for name in names}

        def locate(row: int, column: str) -> Place:
            line = lines[max(row, 0)]
            return Place(str(line.path), line.number, line.text.find(f'"{column}"') + 1 or 1, line.text)

        return Table(columns, named, locate=locate)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """KeyError for a key that stands twice: the last would win in silence."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise KeyError(next(name for i, name in enumerate(names) if name in names[:i]))
    return dict(pairs)


def _parsed(line: Line, problems: list[Problem]) -> dict[str, Any]:
    fix = 'write one object a line, as in {"text": "...", "label": "..."}'
    try:
        found = json.loads(line.text, object_pairs_hook=_object)
    except KeyError as error:
        what, column = f"{line.path.name} line {line.number} names {error} twice", 1
        fix = "keep one of them"
    except json.JSONDecodeError as error:
        what, column = f"{line.path.name} line {line.number} is not JSON: {error.msg}", error.colno
    else:
        if isinstance(found, dict):
            return found
        what, column = f"{line.path.name} line {line.number} is a JSON {type(found).__name__}, no object", 1
    place = Place(str(line.path), line.number, column, line.text)
    problems.append(Problem("E300", what, fix, place))
    return {}


def _column(cells: list[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells):
        return np.array(cells, dtype=np.float64)
    return np.array([cell if isinstance(cell, str) else json.dumps(cell) for cell in cells], dtype=object)
