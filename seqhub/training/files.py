"""Writing so that a reader never meets half a file: to a sibling first, to disk, then renamed.

A folder is swapped in two renames; should the machine stop between them, `settle_folder` finishes or undoes the swap.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(draft, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)


def write_json(path: Path, value: object) -> None:
    """Replace `path` by indented JSON; NaN and infinity are refused, since they are not JSON."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_rows(path: Path, rows: list[Mapping[str, Any]]) -> None:
    """Replace `path` by one JSON object a line."""
    write_bytes(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode())


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append one JSON object as one line, in one write."""
    with open(path, "ab") as stream:
        stream.write((json.dumps(row, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The JSON value in `path`."""
    return json.loads(path.read_bytes())


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The JSON objects in `path`, one a line; a last line cut short by a crash is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1] if line]  # what follows the last newline was never finished


def draft_folder(path: Path) -> Path:
    """An empty folder beside `path`, to be filled and handed to `commit_folder`."""
    draft = path.with_name(f".{path.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def commit_folder(draft: Path, path: Path) -> None:
    """Put `draft` in the place of `path`. The old folder goes only once the new one is on disk under its name."""
    for file in draft.iterdir():
        _sync(file)
    _sync(draft)
    old = _old(path)
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        os.replace(path, old)
    os.replace(draft, path)
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def settle_folder(path: Path) -> None:
    """After a crash inside `commit_folder`: bring the previous folder back if no new one took its place."""
    old = _old(path)
    if old.exists() and not path.exists():
        os.replace(old, path)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(path.with_name(f".{path.name}.draft"), ignore_errors=True)


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
