"""The library `datasets`: splits of a data set as Arrow tables that stay on the disk, one behind the other."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from seqhub.data.configs_hub import HuggingFaceConfig
from seqhub.data.files import located
from seqhub.data.nearest import nearest
from seqhub.data.splits import SPLITS
from seqhub.errors import DataError

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")  # what may be a name on the Hub
_SAVED = ("dataset_dict.json", "state.json")  # what save_to_disk leaves behind


class Rows:
    """The rows of all splits, memory-mapped. splits: the positions of each, or None where the recipe names one.

    names: what the numbers of a column stand for, where they are labels.
    """

    def __init__(self, parts: Mapping[str, Any], features: Mapping[str, Any], origin: str, *, own: bool) -> None:
        self.origin = origin
        self._parts, self.columns = parts, tuple(features)
        self.names: dict[str, tuple[str, ...]] = {}
        for column, feature in features.items():
            names = getattr(getattr(feature, "feature", feature), "names", None)
            if names:
                self.names[column] = tuple(names)
        first, self.splits = 0, None
        if own:
            self.splits = {}
            for split, table in parts.items():
                self.splits[split] = range(first, first + table.num_rows)
                first += table.num_rows

    def column(self, name: str) -> pa.ChunkedArray:
        """The cells of a column as they lie in the files. DataError E307 where there is none, E314 where the splits
        hold it in different types.
        """
        if name not in self.columns:
            fix = nearest(name, self.columns, "columns")
            raise DataError(f"{self.origin} has no column {name!r}", code="E307", fix=fix)
        found = {split: table.column(name) for split, table in self._parts.items()}
        kinds = {split: column.type for split, column in found.items()}
        for split, kind in kinds.items():
            if kind != kinds["train"]:
                what = f"{self.origin}: column {name!r} holds {kind} in {split}, {kinds['train']} in train"
                raise DataError(what, code="E314", fix="save all splits with the same features")
        chunks = [chunk for column in found.values() for chunk in column.chunks]
        return pa.chunked_array(chunks, kinds["train"])


def load_rows(config: HuggingFaceConfig, base_dir: Path) -> Rows:
    """DataError E004 without the library, E301 or E320 where data set or split are not there, E300 where files are
    damaged, E303 where a split has no rows.
    """
    library, origin = _library(), config.path
    parts = _found(library, config, located(base_dir, config.path))
    names = SPLITS if len(config.splits) == 3 else SPLITS[:1]
    chosen = {split: _chosen(library, parts, spec, origin) for split, spec in zip(names, config.splits, strict=True)}
    for spec, table in zip(config.splits, chosen.values(), strict=True):
        if table.num_rows == 0:
            raise DataError(f"{origin}: the split {spec!r} has no rows", code="E303", fix="name another, or write rows")
    features = next(iter(parts.values())).features
    return Rows(chosen, features, origin, own=len(names) > 1)


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        what = "source hugging-face needs the library `datasets`, which is not installed"
        raise DataError(what, code="E004", fix="run: pip install 'seqhub[hub]'") from None
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


def _found(library: Any, config: HuggingFaceConfig, path: Path) -> dict[str, Any]:
    """Every split by its own name, its structures flat. The library maps files into memory, and reads none of them."""
    named = config.path
    if path.is_file():
        raise DataError(f"{named} is a file", code="E301", fix="name the folder that save_to_disk wrote")
    if not path.is_dir() and not _HUB.fullmatch(named):
        raise DataError(f"there is no folder {named}", code="E301", fix=f"looked for {path}; a name on the Hub is A/B")
    saved = path.is_dir() and any((path / name).is_file() for name in _SAVED)
    if saved and (config.name or config.revision):
        field = "name" if config.name else "revision"
        what = f"data.source.{field} is for the Hub, but {named} is a folder that save_to_disk wrote"
        raise DataError(what, code="E312", fix=f"remove data.source.{field}")
    try:
        if saved:
            found = library.load_from_disk(str(path), keep_in_memory=False)
        else:
            where = str(path) if path.is_dir() else named
            found = library.load_dataset(where, config.name, revision=config.revision, keep_in_memory=False)
    except Exception as error:  # files of strangers: the library lets through what any of its own parts raises
        said = str(error).strip().splitlines() or [type(error).__name__]
        if saved:
            what = f"{named} cannot be read as what save_to_disk writes: {said[0]}"
            raise DataError(what, code="E300", fix="write it again; a split without rows cannot be read") from None
        if path.is_dir():
            fix = "a folder of data files, or one that save_to_disk wrote, is read"
            raise DataError(f"{named} cannot be read: {said[0]}", code="E300", fix=fix) from None
        what = f"{named} is no folder here, and the Hub did not give it: {said[0]}"
        fix = f"looked for {path}; on the Hub check path, name and revision, the network, and whether it needs a login"
        raise DataError(what, code="E320", fix=fix) from None
    parts = dict(found) if isinstance(found, dict) else {str(found.split or "train"): found}
    return {split: part.flatten() for split, part in parts.items()}


def _chosen(library: Any, parts: Mapping[str, Any], spec: str, origin: str) -> pa.Table:
    """The rows of a split, a slice of one, or a sum of them, as views."""
    sizes = {split: len(part) for split, part in parts.items()}
    for name in re.findall(r"(?:^|\+)\s*([\w.-]+)", spec):
        if name not in sizes:
            fix = f"{nearest(name, sizes, 'splits')}; set data.source.splits"
            raise DataError(f"{origin} has no split {name!r}", code="E320", fix=fix)
    try:
        spans = library.ReadInstruction.from_spec(spec).to_absolute(sizes)
    except (ValueError, AssertionError) as error:
        what = f"{origin}: {spec!r} is no slice of a split: {str(error).splitlines()[0]}"
        raise DataError(what, code="E320", fix="as in train, train[:90%], train[100:200] or train+test") from None
    tables = []
    for span in spans:
        first, stop = span.from_ or 0, sizes[span.splitname] if span.to is None else span.to
        tables.append(parts[span.splitname].data.table.slice(first, stop - first))
    return pa.concat_tables(tables)
