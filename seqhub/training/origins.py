"""Whose components a run was made of: what a plugin's other version, or a file that was not given, means for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqhub.errors import PluginError
from seqhub.plugins.local import digest, local_records


def local_files() -> list[dict[str, str]]:
    """The files that this command was given with `--plugin`: distribution, path, sha256."""
    return [{"dist": r.dist, "path": r.file, "sha256": digest(Path(r.file))} for r in local_records()]


def check_local_files(environment: Mapping[str, Any], where: str) -> None:
    """Raise PluginError E608 where a run needs a file that this command was not given.

    environment: of the run, as `env.json` has it.  where: the run, as messages call it.
    """
    given = {record.dist for record in local_records()}
    missing = [entry for entry in environment.get("local_plugins", ()) if entry["dist"] not in given]
    used = {provider.partition("/")[0] for provider in environment.get("components", ())}
    missing = [entry for entry in missing if entry["dist"] in used]
    if missing:
        names = " and ".join(Path(entry["path"]).name for entry in missing)
        fix = "add " + " ".join(f"--plugin {entry['path']}" for entry in missing)
        raise PluginError(f"{where} uses components of {names}, which this command was not given", fix=fix, code="E608")


def provider_differences(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """One line for each component that another version provides now; both are lists of `dist/name==version`."""
    then = dict(provider.split("==", 1) for provider in before if "==" in provider)
    today = dict(provider.split("==", 1) for provider in now if "==" in provider)
    return [
        f"{ref} was {then[ref]} when the run began, and is {today[ref]} now"
        for ref in sorted(then.keys() & today.keys())
        if then[ref] != today[ref]
    ]
