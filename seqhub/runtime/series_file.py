"""Series from the files that archives of labelled series use: `.ts`, and `.tsv` with a label before each series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqhub.errors import BundleError, SeqhubError
from seqhub.formats import read_ts, read_ucr
from seqhub.runtime.inputs import as_steps

SUFFIXES = (".ts", ".tsv")


def read_series(path: Path, features: Sequence[str]) -> dict[str, np.ndarray]:
    """{`line 12`: steps [T D] float32}; labels are left out. BundleError with the line of the file."""
    try:
        series = (read_ts if path.suffix.lower() == ".ts" else read_ucr)(path, path.name)
    except SeqhubError as error:
        problem = error.problems[0]
        raise BundleError(problem.message, fix=problem.fix, code="E713", place=problem.place) from None
    names = [f"line {line}" for line in series.lines]
    return {name: as_steps(item, features, name) for name, item in zip(names, series.items, strict=True)}
