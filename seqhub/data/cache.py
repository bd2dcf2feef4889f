"""Where derived data is kept between runs, keyed by content: removing it costs time, nothing else."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """`$SEQHUB_CACHE`, or the user's cache folder; it may not be there."""
    root = os.environ.get("SEQHUB_CACHE", "")
    return Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "seqhub"


def cache_folder(kind: str) -> Path:
    """A folder of the cache; made where it is missing."""
    folder = cache_root() / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A draft beside `path` that takes its place at the end, or is removed: nobody reads half a file."""
    draft = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
