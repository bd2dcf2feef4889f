"""What `seqhub doctor` finds out about plugins: what did not load, and what breaks a promise."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import seqhub
from seqhub.cli.findings import Finding
from seqhub.cli.versions import REQUIREMENT, installed_version, satisfies
from seqhub.plugins import PluginRecord, Registry
from seqhub.plugins.hints import FIRST_PARTY
from seqhub.plugins.locate import locate_target
from seqhub.plugins.records import normalise
from seqhub.plugins.scan import API_GROUP, named


def plugin_findings(registry: Registry, dist: str = "") -> list[Finding]:
    """One finding for each plugin that is well, and one for each thing that is not; `dist` narrows to one."""
    records = [record for record in registry.records if not dist or record.dist == dist]
    if dist and not records:
        return [Finding("fail", f"plugin {dist}", "not installed", f"pip install {dist}")]
    found = []
    for record in records:
        faults = list(_faults(record, registry))
        count = sum(component.plugin == record.key for component in registry.components())
        name = f"plugin {record.dist} {record.version} ({record.value})"
        api = f"API {record.group}, " if record.group.startswith("seqhub.v") else ""
        parts = "1 component" if count == 1 else f"{count} components"
        found += faults or [Finding("ok", name, f"{api}{parts} in {record.seconds * 1000:.0f} ms")]
    return found + list(_conflicts(registry, dist)) + ([] if dist else list(_settings(registry)))


def _faults(record: PluginRecord, registry: Registry) -> Iterator[Finding]:
    name = f"plugin {record.dist} {record.version} ({record.value})"
    if not record.healthy:
        where = f", at {record.at}" if record.at else ""
        yield Finding("fail", name, f"{record.state}: {record.error}{where}", record.fix)
    if record.loads_torch and not record.file:
        fix = "keep torch out of the plugin module: name classes by string and import torch where they are defined"
        yield Finding("fail", name, "loads torch when imported, which makes every `seqhub check` slow", fix)
    if record.printed:
        fix = "remove the print: output belongs to the verb that is run"
        yield Finding("warn", name, f"prints when imported: {record.printed.splitlines()[0][:60]!r}", fix)
    for component in registry.components():
        if component.plugin == record.key and not locate_target(component.spec.target):
            fix = f"correct `target` where {component.ref} is registered"
            yield Finding("fail", name, f"{component.ref}: there is no {component.spec.target}", fix)
    if not record.builtin:
        yield from _packaging(record, name)


def _packaging(record: PluginRecord, name: str) -> Iterator[Finding]:
    """Versions in step, and entry points as its source says."""
    ours = seqhub.__version__
    if record.dist in FIRST_PARTY and record.version != ours:
        fix = f"pip install {record.dist}=={ours}"
        yield Finding("fail", name, f"version {record.version} beside seqhub {ours}; they are released together", fix)
    try:
        dist = metadata.distribution(record.dist)
    except metadata.PackageNotFoundError:
        return
    for line in dist.requires or ():
        match = REQUIREMENT.match(line)
        if match is None or ";" in line:  # of an extra, or of some platforms only
            continue
        needed, wanted = normalise(match[1]), match[3].strip()
        version = ours if needed == "seqhub" else installed_version(needed)
        if version is None or not satisfies(version, wanted):
            this = f"this is {version}" if version else "it is not installed"
            yield Finding("fail", name, f"needs {needed}{wanted}; {this}", f"pip install '{needed}{wanted}'")
    folder = _editable_folder(dist)
    if folder and (stale := _stale_entry_points(dist, folder)):
        detail = f"its pyproject.toml and the installed entry points differ: {stale}"
        yield Finding("fail", name, detail, f"pip install -e '{folder}'")


def _editable_folder(dist: metadata.Distribution) -> Path | None:
    """The source folder of an editable install."""
    try:
        origin = json.loads(dist.read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    if not origin.get("dir_info", {}).get("editable"):
        return None
    folder = Path(unquote(urlsplit(origin.get("url", "")).path))
    return folder if (folder / "pyproject.toml").is_file() else None


def _stale_entry_points(dist: metadata.Distribution, folder: Path) -> str:
    """Entry points that were changed after an editable install, which freezes them, or ''."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except tomllib.TOMLDecodeError as error:
        return str(error)
    written = set(project.get("entry-points", {}).get(API_GROUP, {}).items())
    installed = {(entry.name, entry.value) for entry in dist.entry_points if entry.group == API_GROUP}
    return ", ".join(sorted(f"{name} = {value}" for name, value in written ^ installed))


def _conflicts(registry: Registry, dist: str) -> Iterator[Finding]:
    for component, winner in registry.shadowed():
        if dist in ("", component.dist):
            fix = f"write '{component.ref}' to mean it"
            yield Finding("warn", component.ref, f"shadowed: '{component.spec.name}' means {winner.ref}", fix)
    for name, claims in registry.disputed().items():
        if dist in ("", *(claim.dist for claim in claims)):
            exact = " or ".join(f"'{claim.ref}'" for claim in claims)
            yield Finding("warn", f"name '{name}'", "claimed by several plugins: an error on use", f"write {exact}")


def _settings(registry: Registry) -> Iterator[Finding]:
    """A misspelt name in SEQHUB_DISABLE would otherwise disable nothing, silently."""
    known = {record.dist for record in registry.records if not record.builtin}
    for variable in ("SEQHUB_DISABLE", "SEQHUB_PLUGINS"):
        for dist in named(os.environ, variable) or ():
            if dist not in known:
                fix = f"correct {variable}; installed: {', '.join(sorted(known)) or 'none'}"
                yield Finding("warn", variable, f"names {dist}, which is not an installed plugin", fix)
