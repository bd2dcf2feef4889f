"""`seqhub plugins doctor [DIST] [--fast | --full]`: does each plugin load, and keep what it promises?

Without either, what can be told without torch. `--fast` runs the checks of the contract on every example of every
component, `--full` those of both ONNX graphs too. Everything that a plugin could break runs in processes of its own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from seqhub.cli.findings import Finding, print_findings
from seqhub.cli.health import plugin_findings
from seqhub.cli.plugins_probe import Probe, probe_import, run_suite
from seqhub.plugins import PluginRecord, Registry, load_registry, scan_plugins
from seqhub.plugins.hookspecs import HOOKS
from seqhub.plugins.records import normalise

SLOW_S = 0.5  # an import that takes longer is felt at every command


def run(args: argparse.Namespace) -> int:
    dist = normalise(args.dist or "")
    return print_findings(_findings(dist, fast=args.fast, full=args.full), as_json=args.json)


def _findings(dist: str, *, fast: bool, full: bool) -> Iterator[Finding]:
    found = [record for record in scan_plugins() if record.state == "found" and not record.builtin]
    with ThreadPoolExecutor() as pool:  # all, though one was named: those that end a process must not end this one
        probes = dict(zip(map(_title, found), pool.map(probe_import, found), strict=True))
    fatal = {record.dist for record in found if probes[_title(record)].died}
    registry = _load(fatal)
    yield from (finding for finding in plugin_findings(registry, dist) if not _died(probes.get(finding.subject)))
    torch_told = {_title(record) for record in registry.records if record.loads_torch}
    failed = {_title(record) for record in registry.records if record.state == "failed"}
    for record in found:
        title = _title(record)
        if dist in ("", record.dist) and title not in failed:
            yield from _of_import(title, probes[title], title in torch_told)
    if fast or full:
        for name in sorted({record.dist for record in registry.records if record.state == "ok"}):
            if dist in ("", name):
                yield from _conformance(registry, name, graphs=full)


def _load(fatal: set[str]) -> Registry:
    """The registry without the plugins that end the process which imports them."""
    environ = {name: value for name, value in os.environ.items() if name != "SEQHUB_STRICT"}
    if fatal:
        environ["SEQHUB_DISABLE"] = ",".join([*sorted(fatal), environ.get("SEQHUB_DISABLE", "")])
    return load_registry(environ, notify=lambda line: None)


def _title(record: PluginRecord) -> str:
    return f"plugin {record.dist} {record.version} ({record.value})"


def _died(probe: Probe | None) -> bool:
    return probe is not None and bool(probe.died)


def _of_import(name: str, probe: Probe, torch_told: bool) -> Iterator[Finding]:
    fix = "name classes by string, and import what is heavy where they are defined"
    if probe.died:
        yield Finding("fail", name, f"importing it ends the process: {probe.died}", "mend its module, or uninstall it")
    elif "torch" in probe.loads:
        if not torch_told:
            yield Finding("fail", name, "loads torch when imported, which makes every `seqhub check` slow", fix)
    elif probe.loads:
        yield Finding("warn", name, f"loads {', '.join(probe.loads)} when imported ({probe.seconds:.1f} s)", fix)
    elif probe.seconds > SLOW_S:
        detail = f"takes {probe.seconds:.1f} s to import, at every command"
        yield Finding("warn", name, detail, "do less when the module is imported")


def _conformance(registry: Registry, dist: str, *, graphs: bool) -> Iterator[Finding]:
    """A line for each component, then one for each check that failed."""
    wanted = [c.ref for spec in HOOKS.values() for c in registry.components(spec.kind) if c.dist == dist]
    if not wanted:
        return
    suite = run_suite(dist, graphs=graphs)
    for report in suite.reports:
        counts, failed = report["counts"], report["failed"]
        total = sum(counts.values())
        summary = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()) if result != "passed")
        if not failed:
            rest = f" ({summary})" if summary else ""
            took = f"{report['seconds']:.1f} s"
            yield Finding("ok", report["ref"], f"{counts.get('passed', 0)} of {total} checks passed{rest} in {took}")
        for failure in failed:
            detail = f"{failure['check']}: {failure['detail']}" + _options(failure["subject"])
            yield Finding("fail", report["ref"], detail, _advice(failure))
    silent = [ref for ref in wanted if ref not in {report["ref"] for report in suite.reports}]
    if silent:
        what = suite.died or "it ended before its answer"
        fix = f"see where: python -m seqhub.testing.report {dist}"
        yield Finding("fail", silent[0], f"conformance could not be run: {what}", fix)


def _options(subject: str) -> str:
    """` with hidden=3` of `seqhub-acme/mgu(hidden=3)`."""
    options = subject.partition("(")[2].removesuffix(")")
    return f" (with {options})" if options else ""


def _advice(failure: dict[str, str]) -> str:
    if failure["check"] == "examples":
        return "add examples=({...},) to its spec, with options to check"
    means = failure["means"].rstrip(".")
    return f"make it hold: {means[:1].lower()}{means[1:]}" if means else "see docs/plugin-reference.md"
