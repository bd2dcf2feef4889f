"""The entries of the catalogue: `sets.toml` says what a set is, `sums/NAME.txt` names its files.

A line `@ OWNER/REPOSITORY COMMIT` opens the files of one repository. Each of the lines below it is `SHA256 SIZE PATH`,
or `SHA256 SIZE PATH | PATH THERE` where a file is called otherwise than in its repository.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from seqhub.data.nearest import nearest
from seqhub.errors import DataError


@dataclass(frozen=True)
class Origin:
    """A commit of a public repository."""

    repository: str
    commit: str

    @property
    def page(self) -> str:
        return f"https://github.com/{self.repository}/tree/{self.commit}"


@dataclass(frozen=True)
class RemoteFile:
    """path: below the set's folder.  size: bytes.  where: the rest of its address, quoted."""

    path: str
    size: int
    sha256: str
    where: str


@dataclass(frozen=True)
class DataSet:
    """One entry. name: also that of its folder."""

    name: str
    title: str
    task: str
    licence: str
    citation: str
    origins: tuple[Origin, ...]
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@cache
def known_sets() -> dict[str, DataSet]:
    """Every set by name, sorted."""
    folder = files("seqhub.data.catalogue")
    found = tomllib.loads((folder / "sets.toml").read_text(encoding="utf-8"))
    return {
        name: _entry(name, found[name], (folder / "sums" / f"{name}.txt").read_text("utf-8")) for name in sorted(found)
    }


def find_set(name: str) -> DataSet:
    """DataError E330 with the nearest names where there is none."""
    known = known_sets()
    if name not in known:
        raise DataError(f"the catalogue has no data set {name!r}", code="E330", fix=nearest(name, known, "data sets"))
    return known[name]


def _entry(name: str, about: dict[str, str], sums: str) -> DataSet:
    lines = sums.splitlines()
    origins = tuple(Origin(*line.split()[1:]) for line in lines if line.startswith("@"))
    return DataSet(name=name, origins=origins, files=tuple(_files(lines)), **about)


def _files(lines: list[str]) -> Iterator[RemoteFile]:
    origin = Origin("", "")
    for line in lines:
        if line.startswith("@"):
            origin = Origin(*line.split()[1:])
            continue
        sha256, size, paths = line.split(" ", 2)
        path, _, there = paths.partition(" | ")
        yield RemoteFile(path, int(size), sha256, f"{origin.repository}/{origin.commit}/{quote(there or path)}")
