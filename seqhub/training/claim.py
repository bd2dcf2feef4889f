"""Whose folder is this: a new run, one to resume, a finished one to set aside, or none of ours.

| the folder holds                   | what happens                                                               |
|------------------------------------|----------------------------------------------------------------------------|
| nothing                            | a new run                                                                  |
| something that is not a run        | refused: nothing of it is touched                                          |
| a run of another process           | refused                                                                    |
| an unfinished run, same recipe     | resumed from its checkpoint                                                |
| an unfinished run, another recipe  | refused with the differences, unless `--fresh`                             |
| a finished run, or `--fresh`       | renamed to `<folder>.previous` (in place of an older one), then a new run  |

Finished is what `stages` ask for: `seqhub run` on a folder that `seqhub train` finished goes on after the training.
A run without a checkpoint holds nothing worth keeping and makes way for the new one. Only a run is ever deleted.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from seqhub.errors import RunError, UsageError
from seqhub.recipe import Recipe
from seqhub.recipe.dump import dump_yaml
from seqhub.recipe.resolve import resolved
from seqhub.training.files import write_bytes, write_json
from seqhub.training.folder import RunFolder, Status

_FREE = ("name", "expect", "export")  # sections that do not change what is trained


class Claim:
    """A folder that this process alone may write to. Nothing in it changes before `start`.

    resumed: whether an unfinished run of the same recipe goes on.
    """

    def __init__(self, folder: RunFolder, recipe: Recipe, *, resumed: bool, lock: ExitStack) -> None:
        self.folder = folder
        self.resumed = resumed
        self._recipe, self._lock = recipe, lock

    def start(self) -> list[str]:
        """Set an old run aside, write the recipe; gives what the user should know."""
        notes = []
        if not self.resumed and RunFolder.is_run(self.folder.path):
            notes = _set_aside(self.folder)
            self._lock.enter_context(_locked(self.folder.path))
        if not self.resumed:
            write_json(self.folder.status_file, asdict(Status(state="running")))
        _write_recipe(self.folder, self._recipe)
        return notes


@contextmanager
def claim_folder(path: Path, recipe: Recipe, stages: tuple[str, ...], *, fresh: bool = False) -> Iterator[Claim]:
    """Open `path` for a run of `recipe` through `stages`, by the table above; locked until the block ends."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, not a folder", code="E021", fix="choose another folder with --out")
    if path.exists() and any(path.iterdir()) and not RunFolder.is_run(path):
        raise UsageError(
            f"{path} holds files, but is not the folder of a run", code="E022", fix="choose another folder with --out"
        )
    with ExitStack() as lock:
        lock.enter_context(_locked(path))
        folder, resumed = RunFolder(path), False
        if RunFolder.is_run(path) and not fresh:
            resumed = folder.has_checkpoint() and not set(stages) <= set(folder.status().stages)
            differences = recipe_differences(*_trained_part(folder, recipe)) if resumed else []
            if differences and folder.status().state != "finished":
                raise _refusal(folder, differences)
            resumed = resumed and not differences
        yield Claim(folder, recipe, resumed=resumed, lock=lock)


def recipe_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """`train.optimizer.lr  0.001 -> 0.0003` for each leaf that differs, in the order of the recipe."""
    old, new = _flat(before), _flat(after)
    keys = [*old, *(key for key in new if key not in old)]
    absent = "(absent)"
    changed = [key for key in keys if old.get(key, absent) != new.get(key, absent)]
    width = max((len(key) for key in changed), default=0)
    return [f"{key:<{width}}  {_shown(old, key)} -> {_shown(new, key)}" for key in changed]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if not children:
        return {path: value}
    return {k: v for key, child in children for k, v in _flat(child, f"{path}.{key}" if path else str(key)).items()}


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "(absent)"


def _trained_part(folder: RunFolder, recipe: Recipe) -> list[dict[str, Any]]:
    """What decides the training: in the folder, and in the recipe now."""
    texts = (folder.resolved.read_text(encoding="utf-8"), dump_yaml(resolved(recipe)))
    found = [{key: value for key, value in yaml.safe_load(text).items() if key not in _FREE} for text in texts]
    for sections in found:
        sections["train"].pop("workers", None)  # who prepares a batch does not change it
    return found


def _refusal(folder: RunFolder, differences: list[str]) -> RunError:
    status = folder.status()
    where = f"epoch {status.epoch + 1}, batch {status.batch}" if status.batch else f"epoch {status.epoch}"
    lines = "\n".join(f"         {line}" for line in differences)
    return RunError(
        f"{folder.path} holds an unfinished run ({where}) of a different recipe:\n{lines}",
        code="E401",
        fix="undo the change to resume; or start anew with --fresh (the old run is kept) or with --out DIR",
    )


def _set_aside(folder: RunFolder) -> list[str]:
    """Make way for a new run: a rename, so that there is no moment at which anything is half moved."""
    path = folder.path
    if not folder.has_checkpoint():
        shutil.rmtree(path)
        return []
    previous = path.with_name(f"{path.name}.previous")
    if previous.exists():
        if not RunFolder.is_run(previous):
            why = f"{previous} is in the way, and is not a run"
            raise UsageError(why, code="E023", fix="move it, or use --out DIR")
        shutil.rmtree(previous)
    os.replace(path, previous)
    return [f"the run that was in {path} is now in {previous}"]


def _write_recipe(folder: RunFolder, recipe: Recipe) -> None:
    write_bytes(folder.recipe, recipe.text)
    write_bytes(folder.resolved, dump_yaml(resolved(recipe)).encode())
    overrides = tuple(sorted({origin for origin in recipe.origins.values() if origin.startswith("--set")}))
    folder.mark(
        state="running",
        message="",
        source=str(recipe.path),
        base_dir=str(recipe.base_dir),
        smoke="--smoke" in recipe.origins.values(),
        overrides=overrides,
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process, however it ends. Windows has none, and nobody is stopped.

    A folder that was made for the lock alone goes again.
    """
    path.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"another process is training in {path}", code="E404", fix="wait for it, or use --out DIR"
            ) from error
        yield
    finally:
        os.close(handle)
        with suppress(OSError):
            path.rmdir()  # only where it is empty
