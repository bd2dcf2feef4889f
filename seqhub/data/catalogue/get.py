"""A whole data set: what is there is checked, what a mirror holds is copied, the rest is fetched."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from seqhub.data.cache import written_whole
from seqhub.data.catalogue.download import Advance, checksum, download
from seqhub.data.catalogue.entries import DataSet, RemoteFile
from seqhub.data.files import data_folders
from seqhub.errors import DataError

SERVER = "https://raw.githubusercontent.com"
_AT_ONCE = 8  # connections

Kind = str  # `present`, `copied` or `fetched`


@dataclass(frozen=True)
class Got:
    """The folder of a set, and how many of its files were there, came from a mirror, or came over the network."""

    folder: Path
    present: int
    copied: int
    fetched: int


def get_set(found: DataSet, parent: Path, advance: Advance = lambda _: None) -> Got:
    """Bring a set to `parent/NAME`. Raises DataError: E331 to E333 as `download`, E334 for a file that is there, or in
    the mirror, and is another.
    """
    folder = parent / found.name
    mirrors = [root / found.name for root in data_folders() if (root / found.name).is_dir()]
    mirrors = [mirror for mirror in mirrors if mirror.resolve() != folder.resolve()]

    def one(file: RemoteFile) -> Kind:
        return _get_file(file, folder, mirrors, advance)

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        kinds = list(pool.map(one, found.files))
    finally:
        pool.shutdown(cancel_futures=True)  # after an error what has begun ends, nothing else begins
    return Got(folder, *(kinds.count(kind) for kind in ("present", "copied", "fetched")))


def is_here(found: DataSet) -> Path | None:
    """The folder that holds every file of the set, by their sizes; None where there is none."""
    folders = (root / found.name for root in data_folders())
    return next((folder for folder in folders if all(_same_size(folder / f.path, f) for f in found.files)), None)


def _get_file(file: RemoteFile, folder: Path, mirrors: list[Path], advance: Advance) -> Kind:
    path = folder / file.path
    if path.exists():
        _check(path, file, "move it away, and run the command again")
        advance(file.size)
        return "present"
    for mirror in mirrors:
        if (mirror / file.path).is_file():
            _check(mirror / file.path, file, "mend the mirror, or take it out of SEQHUB_DATA")
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as draft:
                shutil.copyfile(mirror / file.path, draft)
            advance(file.size)
            return "copied"
    server = os.environ.get("SEQHUB_DATA_URL", "") or SERVER
    download(f"{server.rstrip('/')}/{file.where}", path, size=file.size, sha256=file.sha256, advance=advance)
    return "fetched"


def _check(path: Path, file: RemoteFile, fix: str) -> None:
    found = checksum(path) if _same_size(path, file) else f"of {path.stat().st_size} bytes"
    if found != file.sha256:
        what = f"{path} is another file than the catalogue names: {found}, expected {file.sha256}, {file.size} bytes"
        raise DataError(what, code="E334", fix=fix)


def _same_size(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size
