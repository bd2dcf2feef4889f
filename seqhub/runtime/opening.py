"""From a bundle's folder to a model that answers, streams or writes."""

from __future__ import annotations

import os
from pathlib import Path

from seqhub.errors import UsageError
from seqhub.runtime.manifest import FLOAT32, Manifest, check_files, read_manifest
from seqhub.runtime.model import Model
from seqhub.runtime.seq2seq import Translator


def load(path: str | os.PathLike[str], *, precision: str = FLOAT32, threads: int = 1, verify: bool = True) -> Model:
    """A model from a bundle's folder. With `verify` every file's checksum is compared first.

    precision: `float32`, or one of the bundle's reduced ones, such as `int8`.
    threads: of each run; one is the fastest for a small stream, `seqhub bench runtime` measures what is for yours.
    Raises BundleError where the folder is no bundle, is damaged, or does not have the precision.
    """
    if threads < 1:
        raise UsageError(f"threads is {threads}, expected 1 or more", fix="`seqhub bench runtime` measures how many")
    folder = Path(path)
    manifest = read_manifest(folder)
    if verify:
        check_files(folder, manifest)
    return open_model(folder, manifest, threads=threads, precision=precision)


def open_model(folder: Path, manifest: Manifest, *, threads: int = 1, precision: str = FLOAT32) -> Model:
    """The model of a manifest that was read: one that writes where there is an encoder."""
    if "encoder" in manifest.graphs:
        return Translator(folder, manifest, threads=threads, precision=precision)
    return Model(folder, manifest, threads=threads, precision=precision)
