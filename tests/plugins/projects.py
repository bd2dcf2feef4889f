"""Source folders of distributions, put on the path with the metadata that an install would write."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def install_project(folder: Path, site: Path) -> str:
    """Link the package of a source folder into `site` and write its metadata; returns the package's name."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package = project["name"].replace("-", "_")
    info = site / f"{package}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head + needs, encoding="utf-8")
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["seqhub.v1"].items())
    (info / "entry_points.txt").write_text(f"[seqhub.v1]\n{points}", encoding="utf-8")
    (site / package).symlink_to((folder / "src" / package).resolve(), target_is_directory=True)
    return package


@contextmanager
def installed(*folders: Path, site: Path) -> Iterator[None]:
    """Inside, these source folders are installed, as far as this process can tell."""
    packages = [install_project(folder, site) for folder in folders]
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        for module in [name for name in sys.modules if name.partition(".")[0] in packages]:
            del sys.modules[module]
