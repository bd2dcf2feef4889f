"""Labelled series from text files: `.ts`, the tables of the UCR archive, and labelled blocks of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seqhub.data.configs_series import BlocksConfig, SeriesFileConfig, UcrConfig
from seqhub.data.files import existing, located
from seqhub.data.table import Sequences
from seqhub.errors import DataError
from seqhub.formats import Series, read_blocks, read_ts, read_ucr

Reader = Callable[[Path, str], Series]


class TsSource:
    """Series of the `.ts` format, with any number of dimensions."""

    def __init__(self, config: SeriesFileConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Sequences:
        """All of one file, or of one for each split. DataError with the file's line; see `formats.read_ts`."""
        return joined(self.config, self.base_dir, lambda path, named: read_ts(path, named, self.config.encoding))


class UcrSource:
    """Series with one dimension, a line each, the label first."""

    def __init__(self, config: UcrConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Sequences:
        """All of one file, or of one for each split. DataError with the file's line; see `formats.read_ucr`."""
        encoding, delimiter = self.config.encoding, self.config.delimiter
        return joined(self.config, self.base_dir, lambda path, named: read_ucr(path, named, encoding, delimiter))


class BlocksSource:
    """Rows of numbers in blocks, each below its label."""

    def __init__(self, config: BlocksConfig, base_dir: Path) -> None:
        self.config, self.base_dir = config, base_dir

    def read(self) -> Sequences:
        """All of one file, or of one for each split. DataError with the file's line; see `formats.read_blocks`."""
        encoding, columns = self.config.encoding, self.config.columns
        return joined(self.config, self.base_dir, lambda path, named: read_blocks(path, named, encoding), columns)


def joined(config: SeriesFileConfig, base_dir: Path, read: Reader, columns: tuple[str, ...] = ()) -> Sequences:
    """The files of a source behind each other. DataError E301 or E302 where one is missing or empty, E306 where their
    widths differ, E305 where `columns` does not name each column once, E313 where series have no labels.
    """
    found = Series([], [], [])
    names: list[str] = []
    splits: dict[str, range] = {}
    for split, named in config.files():
        path = located(base_dir, named)
        existing(path, named)
        part, first = read(path, named), len(found.items)
        if len(part.labels) != len(part.items):
            raise DataError(f"{named}: its series have no labels", code="E313", fix="use a file with @classLabel true")
        widths = {item.shape[1] for item in (*found.items[:1], *part.items[:1])}
        if len(widths) > 1:
            what = f"{named} has {part.items[0].shape[1]} dimensions, {names[0]} has {found.items[0].shape[1]}"
            raise DataError(what, code="E306", fix="give every split the same dimensions")
        found.items.extend(part.items)
        found.labels.extend(part.labels)
        names += [f"{path.name} line {line}" for line in part.lines]
        splits[split] = range(first, len(found.items))
    width = found.items[0].shape[1]
    if columns and (len(columns) != width or len(set(columns)) != width):
        what = f"data.source.columns has {len(set(columns))} names, but a row of {config.path} has {width} numbers"
        raise DataError(what, code="E305", fix=f"give {width} different names")
    return Sequences(
        items=found.items,
        labels=found.labels,
        features=columns or tuple(f"x{i}" for i in range(width)),
        origin=config.path,
        names=tuple(names),
        splits=splits if "" not in splits else None,
    )
