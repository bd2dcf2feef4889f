"""The recipes that come with seqhub: in the installed package, or in the checkout beside it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import seqhub
from seqhub.errors import UsageError
from seqhub.recipe.nodes import Mapping, Scalar
from seqhub.recipe.suggest import choice, nearest
from seqhub.recipe.yaml12 import parse_bytes


@dataclass(frozen=True)
class Shipped:
    """One recipe: `task/name`, the name of its task, and its first line of comment."""

    name: str
    path: Path
    task: str
    summary: str


def recipe_folder() -> Path | None:
    """Where the recipes are, if anywhere."""
    package = Path(seqhub.__file__).parent
    return next((folder for folder in (package / "_recipes", package.parent / "recipes") if folder.is_dir()), None)


def shipped_recipes(folder: Path | None = None) -> tuple[Shipped, ...]:
    """All of them, sorted by name."""
    root = folder or recipe_folder()
    return tuple(_shipped(path, root) for path in sorted(root.rglob("*.yaml"))) if root else ()


def find_recipe(name: str, folder: Path | None = None) -> Shipped:
    """By `task/name`, or by `name` where it is the only one; UsageError E010 where it is not."""
    known = shipped_recipes(folder)
    wanted = name.removesuffix(".yaml")
    found = [recipe for recipe in known if wanted in (recipe.name, recipe.name.rpartition("/")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(recipe.name for recipe in found)
        raise UsageError(f"there are several recipes '{name}'", fix=f"write {names}", code="E010")
    near = nearest(wanted, [n for recipe in known for n in (recipe.name, recipe.name.rpartition("/")[2])])
    fix = (
        f"did you mean '{near}'?"
        if near
        else f"there are: {choice(r.name for r in known)}"
        if known
        else "none is installed"
    )
    raise UsageError(f"there is no recipe '{name}'", fix=fix, code="E010")


def copy_recipe(recipe: Shipped, target: Path | None = None) -> Path:
    """Write the recipe's bytes to `target`, a file or a folder, by default here; UsageError E011 where a file is."""
    path = Path(recipe.path.name) if target is None else target / recipe.path.name if target.is_dir() else target
    if path.exists():
        fix = "delete it, or name another file: `seqhub recipes copy NAME FILE`"
        raise UsageError(f"'{path}' exists already", fix=fix, code="E011")
    write_atomically(path, recipe.path.read_bytes())
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """All or nothing: a draft in the same folder takes the name once complete. UsageError E012 where it cannot."""
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"cannot write '{path}': {reason}", fix="name a file in a folder that exists", code="E012"
        ) from error
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except OSError as error:
        Path(draft).unlink(missing_ok=True)
        raise UsageError(f"cannot write '{path}': {error.strerror or error}", fix="name a file", code="E012") from error


def _shipped(path: Path, root: Path) -> Shipped:
    data = path.read_bytes()
    tree, _ = parse_bytes(data, str(path))
    entry = tree.get("task") if isinstance(tree, Mapping) else None
    task = entry.node if entry else None
    if isinstance(task, Mapping) and (typed := task.get("type")):
        task = typed.node
    comments = [line[1:].strip() for line in data.decode("utf-8", "replace").splitlines() if line.startswith("#")]
    told = [line for line in comments if line and not line.startswith("yaml-language-server")]
    name = path.relative_to(root).with_suffix("").as_posix()
    return Shipped(name, path, task.text if isinstance(task, Scalar) else "?", told[0] if told else "")
