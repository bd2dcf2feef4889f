"""The files of a new distribution, from the texts beside this module; written at once or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from importlib import resources
from pathlib import Path

import seqhub
from seqhub.errors import UsageError
from seqhub.scaffold.names import Names

_TEXTS = resources.files("seqhub.scaffold") / "texts"


def project_files(names: Names, author: str = "", *, exact: bool = False) -> dict[str, str]:
    """Path in the folder -> text of every file. exact: its recipe names the component with the distribution."""
    where = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "readme.md",
        ".gitignore": "gitignore",
        ".github/workflows/test.yml": "workflow.yml",
        f"src/{names.package}/__init__.py": "init.py",
        f"src/{names.package}/py.typed": "",
        f"src/{names.package}/plugin.py": f"{names.kind}/plugin.py",
        f"src/{names.package}/{names.module}.py": f"{names.kind}/component.py",
        "tests/test_conformance.py": "test_conformance.py",
        f"recipes/{names.component}.yaml": f"{names.kind}/recipe.yaml",
    }
    words = {**_words(names, author), "use": f"{names.dist}/{names.component}" if exact else names.component}
    return {path: _filled(source, words) if source else "" for path, source in where.items()}


def write_project(names: Names, parent: Path, author: str = "", *, exact: bool = False) -> Path:
    """Write the folder `parent/<dist>` and return it; see `project_files`. UsageError E011 where it is there."""
    folder = parent / names.dist
    if folder.exists() or folder.is_symlink():
        fix = "take another name, or another folder with --dir"
        raise UsageError(f"'{folder}' is there already", fix=fix, code="E011")
    parent.mkdir(parents=True, exist_ok=True)
    draft = parent / f".{names.dist}.{secrets.token_hex(4)}.tmp"
    try:
        for path, text in project_files(names, author, exact=exact).items():
            file = draft / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        os.rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _words(names: Names, author: str) -> dict[str, str]:
    """What stands for each `@word@` of the texts."""
    major, minor = (int(part) for part in seqhub.__version__.split(".")[:2])
    quoted = author.replace("\\", "\\\\").replace('"', '\\"')
    return {
        "name": names.component,
        "kind": names.kind,
        "kinds": f"{names.kind}s",
        "dist": names.dist,
        "package": names.package,
        "module": names.module,
        "class": names.cls,
        "authors": f'authors = [{{ name = "{quoted}" }}]\n' if author else "",
        "core": f"seqhub>={seqhub.__version__},<{major}.{minor + 1}",
        "train": f"seqhub[train]>={seqhub.__version__},<{major}.{minor + 1}",
    }


def _filled(source: str, words: dict[str, str]) -> str:
    text = _TEXTS.joinpath(*f"{source}.txt".split("/")).read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
