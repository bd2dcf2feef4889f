"""Plugins that are one file of the user's own: `--plugin ./my_cell.py`, on the command line and never in a recipe.

The file holds hooks, specs and classes side by side, so it may import torch. It is a module named like the file, which
is how its specs name their targets: `target="my_cell:MyCell"`. Its distribution is called `local-my-cell`, and its
version is the beginning of the file's sha256.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from seqhub.errors import Place, PluginError
from seqhub.plugins.records import PluginRecord, normalise

PREFIX = "local-"
_active: ContextVar[tuple[Path, ...]] = ContextVar("local_plugins", default=())


@contextmanager
def using(paths: Iterable[str | Path]) -> Iterator[None]:
    """Inside, `load_registry` loads these files too. PluginError E607 where one cannot be a plugin."""
    files = tuple(dict.fromkeys(Path(path).resolve() for path in paths))
    for file in files:
        _check(file)
    token = _active.set((*_active.get(), *files))
    try:
        yield
    finally:
        _active.reset(token)


def local_records() -> tuple[PluginRecord, ...]:
    """One record a file, in the order given."""
    return tuple(
        PluginRecord(PREFIX + normalise(file.stem), digest(file)[:12], file.stem, file.stem, "local", file=str(file))
        for file in _active.get()
    )


def digest(file: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def load_file(record: PluginRecord) -> ModuleType:
    """The module of a record's file; run once, and again where the file has changed."""
    known = sys.modules.get(record.value)
    if known is not None and getattr(known, "__seqhub_version__", "") == record.version:
        return known
    spec = importlib.util.spec_from_file_location(record.value, record.file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{record.file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[record.value] = module  # dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[record.value]
        raise
    module.__dict__["__seqhub_version__"] = record.version
    return module


def refusal(record: PluginRecord) -> PluginError:
    """Why a file that was asked for cannot be used, at the line that is to blame."""
    file, _, line = (record.at or f"{record.file}:1").rpartition(":")
    lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    text = lines[int(line) - 1] if int(line) <= len(lines) else ""
    fix = "correct the file" if record.at else record.fix
    return PluginError(record.error, fix=fix, code="E607", place=Place(file, int(line), 1, text))


def _check(file: Path) -> None:
    """The file is there, and its name can be the module's."""
    if not file.is_file():
        fix = "check the path after --plugin"
        raise PluginError(f"--plugin: there is no file '{file}'", fix=fix, code="E607")
    if file.suffix != ".py" or not file.stem.isidentifier():
        fix = "name it like a module: letters, digits and underscores, then .py"
        raise PluginError(f"--plugin: '{file.name}' cannot be a module", fix=fix, code="E607")
    known = sys.modules.get(file.stem)
    found = known.__spec__ if known is not None else importlib.util.find_spec(file.stem)
    if found is not None and (not found.origin or Path(found.origin).resolve() != file):
        fix = "rename the file"
        raise PluginError(f"--plugin: '{file.stem}' is the name of another module", fix=fix, code="E607")
