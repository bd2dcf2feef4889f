"""What a process of its own tells of a plugin: how long its import takes, what it loads, whether it survives at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqhub.plugins import PluginRecord

IMPORT_S, SUITE_S = 60, 1800  # longest waits for an import, and for the conformance of one distribution
_HEAVY = ("torch", "tensorflow", "jax", "lightning", "onnxruntime", "pandas", "numpy")
_IMPORT = """
import importlib, json, sys, time
import seqhub.api
there, start = set(sys.modules), time.perf_counter()
try:
    importlib.import_module(sys.argv[1])
except BaseException:  # `plugins doctor` says which: it loads what can be survived itself
    pass
new = {name.partition(".")[0] for name in set(sys.modules) - there}
print("\\n" + json.dumps({"seconds": time.perf_counter() - start, "loads": sorted(new)}))
"""


@dataclass(frozen=True)
class Probe:
    """seconds: of the import, seqhub itself not counted.  loads: heavy packages that it brings in.  died: how the
    process ended without an answer: by a signal, `os._exit`, or never; empty where it survived.
    """

    seconds: float = 0.0
    loads: tuple[str, ...] = ()
    died: str = ""


@dataclass
class Suite:
    """Reports of components as `seqhub.testing.report` prints them, and how the process died, if it did."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    died: str = ""


def probe_import(record: PluginRecord) -> Probe:
    """Import a plugin's module in a fresh interpreter."""
    module = record.value.partition(":")[0]
    answers, died = _ask(["-c", _IMPORT, module], IMPORT_S)
    if not answers:
        return Probe(died=died)
    loads = tuple(name for name in _HEAVY if name in answers[-1]["loads"])
    return Probe(answers[-1]["seconds"], loads)


def run_suite(dist: str, *, graphs: bool) -> Suite:
    """The conformance of every component of a distribution."""
    words = ["-m", "seqhub.testing.report", dist, *(["--graphs"] if graphs else [])]
    return Suite(*_ask(words, SUITE_S))


def _ask(words: Sequence[str], seconds: float) -> tuple[list[dict[str, Any]], str]:
    """The JSON lines that a Python process prints, and how it died, or ''. It sees the modules that this one sees."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    environment.pop("SEQHUB_STRICT", None)
    try:
        command = [sys.executable, *words]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stdout if isinstance(error.stdout, str) else (error.stdout or b"").decode(errors="replace")
        return list(_json_lines(said)), f"took longer than {seconds:.0f} s"
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    died = f"ended with code {done.returncode}: {last}" if done.returncode else ""
    return list(_json_lines(done.stdout)), died


def _json_lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                continue  # what a plugin printed
