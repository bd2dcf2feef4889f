"""Distributions made of a `dist-info` folder and a package, found on sys.path like any installed one."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqhub.plugins import Registry, load_registry

CELL = """
from seqhub.api import CellConfig, CellSpec, config, hookimpl, option

@config
class Options(CellConfig):
    bias: bool = option(True, help="add a bias")

@hookimpl
def seqhub_register_cells():
    yield CellSpec(name="{name}", target="{package}.cells:Cell", config=Options, summary="A cell.")
"""


class FakeSite:
    """A folder on sys.path into which distributions are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages: list[str] = []

    def add(
        self,
        dist: str,
        code: str | None,
        *,
        version: str = "1.0",
        group: str = "seqhub.v1",
        entry: str = "main",
        value: str = "",
        requires: str = "",
    ) -> str:
        """Write a distribution whose plugin module holds `code` (None: no package); returns its package's name."""
        package = dist.replace("-", "_")
        if code is not None:
            root = self.folder / package
            root.mkdir(exist_ok=True)
            (root / "__init__.py").touch()
            (root / "plugin.py").write_text(textwrap.dedent(code))
            (root / "cells.py").write_text("class Cell:\n    pass\n")
        info = self.folder / f"{package}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry} = {value or package + '.plugin'}\n")
        self.packages.append(package)
        return package

    def add_cell(self, dist: str, name: str, *, version: str = "1.0", **options: str) -> str:
        """A good distribution with one cell."""
        return self.add(dist, CELL.format(name=name, package=dist.replace("-", "_")), version=version, **options)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSite]:
    for variable in ("SEQHUB_DISABLE", "SEQHUB_PLUGINS", "SEQHUB_STRICT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    fake = FakeSite(tmp_path)
    yield fake
    inside = [name for name, module in sys.modules.items() if _file(module).startswith(str(tmp_path))]
    for name in {*inside, *(name for name in sys.modules if name.partition(".")[0] in fake.packages)}:
        del sys.modules[name]  # a stand-in for a library too: no later test may find it


def _file(module: object) -> str:
    return getattr(module, "__file__", None) or ""


@pytest.fixture
def load() -> Callable[..., tuple[Registry, list[str]]]:
    """Load what is on sys.path; returns the registry and the lines that were told."""

    def loaded(**environ: str) -> tuple[Registry, list[str]]:
        told: list[str] = []
        return load_registry(environ, notify=told.append), told

    return loaded
