"""Find plugins from the metadata of installed distributions, without importing any of them.

SEQHUB_DISABLE=a,b    leave these distributions out
SEQHUB_PLUGINS=a,b    use these distributions and no others ('' = none)
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import metadata

import seqhub
from seqhub.plugins.records import PluginRecord, normalise

API_GROUP = "seqhub.v1"
BUILTIN_MODULES = {
    "blocks": "seqhub.plugins.core_blocks",
    "data": "seqhub.data.specs",
    "heads": "seqhub.plugins.core_heads",
    "measures": "seqhub.tasks.measure_specs",
    "tasks": "seqhub.tasks.specs",
    "text": "seqhub.text.specs",
}
_GROUP = re.compile(r"seqhub\.v(\d+)")


def scan_plugins(environ: Mapping[str, str] | None = None) -> tuple[PluginRecord, ...]:
    """Every plugin of this environment, in a fixed order: the core's own modules, then by distribution.

    States are `found`, `disabled`, `incompatible`, or `failed` where an entry point names a package that is not there.
    """
    settings = os.environ if environ is None else environ
    found = sorted(set(_installed()), key=lambda r: (r.dist, r.entry_point, r.group, r.value))
    speaks_ours = {record.dist for record in found if record.group == API_GROUP}
    usable = [record for record in found if record.group == API_GROUP or record.dist not in speaks_ours]
    return (*builtin_records(), *(_judge(record, settings) for record in usable))


def builtin_records() -> tuple[PluginRecord, ...]:
    """The core's own components come through the same hooks as everyone's."""
    return tuple(PluginRecord("seqhub", seqhub.__version__, name, value, "") for name, value in BUILTIN_MODULES.items())


def named(settings: Mapping[str, str], variable: str) -> tuple[str, ...] | None:
    """The distributions that an environment variable lists, or None where it is not set."""
    value = settings.get(variable)
    return None if value is None else tuple(normalise(part.strip()) for part in value.split(",") if part.strip())


def _installed() -> Iterator[PluginRecord]:
    """One record for each entry point in a group `seqhub.v<number>`; the first distribution of a name counts."""
    seen: set[str] = set()
    for dist in metadata.distributions():
        # Only the few that name the group are parsed: doing so for every distribution would cost more than all else.
        if "[seqhub.v" not in (dist.read_text("entry_points.txt") or ""):
            continue
        name = normalise(dist.metadata["Name"] or "unnamed")
        if name in seen:
            continue
        seen.add(name)
        for entry in dist.entry_points:
            if _GROUP.fullmatch(entry.group):
                yield PluginRecord(name, dist.metadata["Version"] or "?", entry.name, entry.value, entry.group)


def _judge(record: PluginRecord, settings: Mapping[str, str]) -> PluginRecord:
    """What can be told of a plugin before it is imported."""
    disabled, allowed = named(settings, "SEQHUB_DISABLE") or (), named(settings, "SEQHUB_PLUGINS")
    if record.dist in disabled:
        return replace(record, state="disabled", error="named in SEQHUB_DISABLE", fix="take it out of SEQHUB_DISABLE")
    if allowed is not None and record.dist not in allowed:
        error, fix = "not named in SEQHUB_PLUGINS", f"add {record.dist} to SEQHUB_PLUGINS, or unset it"
        return replace(record, state="disabled", error=error, fix=fix)
    if record.group != API_GROUP:
        theirs, ours = record.group.removeprefix("seqhub.v"), API_GROUP.removeprefix("seqhub.v")
        stale = "seqhub" if int(theirs) > int(ours) else record.dist
        error = f"needs plugin API {theirs}; this seqhub speaks API {ours}"
        return replace(record, state="incompatible", error=error, fix=f"pip install --upgrade {stale}")
    package = re.split(r"[.:]", record.value, maxsplit=1)[0]
    if not package.isidentifier() or importlib.util.find_spec(package) is None:
        error = f"entry point {record.entry_point!r} names {record.value!r}, and there is no package {package!r}"
        return replace(record, state="failed", error=error, fix=f"pip install --force-reinstall {record.dist}")
    return record
