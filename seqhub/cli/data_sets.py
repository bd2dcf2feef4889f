"""`seqhub data list` and `seqhub data get NAME`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from seqhub.cli.output import print_json, print_table
from seqhub.data.catalogue.entries import DataSet, find_set, known_sets
from seqhub.data.catalogue.get import get_set, is_here
from seqhub.data.files import data_folders


def list_sets(args: argparse.Namespace) -> int:
    """Every set: task, size, licence, and the folder it lies in."""
    sets = known_sets().values()
    if args.json:
        print_json([_about(one) | {"here": is_here(one)} for one in sets])
        return 0
    rows = [[s.name, s.task, len(s.files), _megabytes(s.size), "yes" if is_here(s) else "no", s.title] for s in sets]
    print_table(["set", "task", "files", "size", "here", "what it is"], rows)
    print("\nbring one: seqhub data get NAME")
    return 0


def get_one(args: argparse.Namespace) -> int:
    """Bring a set, and say whose it is."""
    found = find_set(args.name)
    parent = args.dir or data_folders()[0]
    with _progress(found) as advance:
        got = get_set(found, parent, advance)
    if args.json:
        print_json({"ok": True, **_about(found), **asdict(got)})
        return 0
    counts = {"there already": got.present, "from SEQHUB_DATA or the cache": got.copied, "fetched": got.fetched}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    files = "1 file" if len(found.files) == 1 else f"{len(found.files)} files"
    print(f"{found.name}: {files}, {_megabytes(found.size)}, checked ({said})")
    print(f"  folder    {got.folder}")
    print(f"  licence   {found.licence}")
    print(f"  citation  {found.citation}")
    for origin in found.origins:
        print(f"  origin    {origin.page}")
    return 0


def _about(found: DataSet) -> dict[str, object]:
    about = {key: value for key, value in asdict(found).items() if key not in ("files", "origins")}
    return about | {"files": len(found.files), "bytes": found.size, "origins": [one.page for one in found.origins]}


@contextmanager
def _progress(found: DataSet) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(found.name, total=found.size)
        yield lambda size: bar.update(task, advance=size)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
