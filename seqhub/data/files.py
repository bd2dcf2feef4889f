"""A file that a recipe names."""

from __future__ import annotations

import os
from pathlib import Path

from seqhub.data.cache import cache_root
from seqhub.data.nearest import nearest
from seqhub.errors import DataError


def data_folders() -> list[Path]:
    """Where data sets lie: the folder `SEQHUB_DATA`, if it is set, and the cache, where `data get` brings them else."""
    root = os.environ.get("SEQHUB_DATA", "")
    return [*([Path(root)] if root else []), cache_root() / "data"]


def located(base_dir: Path, named: str) -> Path:
    """Where a file that a recipe names lies: beside the recipe or, where there is none, in one of `data_folders`."""
    beside = base_dir / named
    places = (beside, *(folder / named for folder in data_folders()))
    return next((place for place in places if place.exists()), beside)


def existing(path: Path, named: str) -> None:
    """DataError unless `path` is a file that holds something; `named` is what the recipe calls it."""
    if path.is_dir():
        raise DataError(f"{named} is a folder", code="E301", fix="name a file in it")
    if not path.is_file():
        folder = path.parent
        if not folder.is_dir():
            raise DataError(f"{named} does not exist", code="E301", fix=f"there is no folder {folder}")
        beside = sorted(other.name for other in folder.iterdir() if other.is_file())
        raise DataError(f"{named} does not exist", code="E301", fix=nearest(path.name, beside, f"files in {folder}"))
    if path.stat().st_size == 0:
        raise DataError(f"{named} is empty", code="E302", fix="the file has no bytes; write it again")
