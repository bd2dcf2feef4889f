"""What a broken plugin does to everyone else, as a table: `docs/plugins.md` holds what this prints.

.venv/bin/python benchmarks/isolation.py                 # about a minute

Each plugin is a folder with metadata and a module, found on the path like any installed one. Each command is a process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SPEC = """
from seqhub.api import CellConfig, CellSpec, hookimpl

@hookimpl
def seqhub_register_cells():
    {body}
"""
CELL = "yield CellSpec(name='{name}', target='acme.cells:Cell', config=CellConfig, summary='A cell.')"
GOOD = SPEC.format(body=CELL.format(name="gatelet"))
RECIPE = """
recipe: 1
name: plain
task: {type: forecast, lookback: 8}
data: {source: sunspots, target: [sunspots]}
model: {width: 4, blocks: [{type: mlp}]}
"""


@dataclass(frozen=True)
class Case:
    """title: what is wrong.  code: of the plugin module.  told: part of the line on stderr of every command that loads
    plugins, or empty where nothing needs telling.  doctor: part of what `plugins doctor` says.  fails: it cannot be
    used, so that strict mode raises.  imported: part of this plugin runs at all.
    """

    title: str
    code: str
    told: str
    doctor: str
    fails: bool = True
    imported: bool = True
    group: str = "seqhub.v1"
    entry: str = "main"
    second: str = ""  # code of another distribution beside it


CASES = (
    Case("import error", "import no_such_module", "ModuleNotFoundError", "fail: failed: ModuleNotFoundError"),
    Case("syntax error", "def broken(:", "SyntaxError", "fail: failed: SyntaxError"),
    Case(
        "exception in a hook",
        SPEC.format(body="raise RuntimeError('no cells today')"),
        "RuntimeError: no cells today",
        "fail: failed: RuntimeError: no cells today",
    ),
    Case(
        "unknown hook",
        GOOD.replace("register_cells", "register_cell"),
        "hook 'seqhub_register_cell' is unknown",
        "fail: failed: hook 'seqhub_register_cell' is unknown; did you mean 'seqhub_register_cells'?",
    ),
    Case("calls `sys.exit`", "import sys\nsys.exit(3)", "SystemExit: 3", "fail: failed: SystemExit: 3"),
    Case(
        "made for a later API",
        GOOD,
        "needs plugin API 2",
        "fail: incompatible: needs plugin API 2; this seqhub speaks API 1",
        imported=False,
        group="seqhub.v2",
    ),
    Case("entry point's name used twice", GOOD, "", "ok", fails=False, second=GOOD.replace("gatelet", "other")),
    Case(
        "two providers of one name",
        GOOD,
        "",
        "warn: claimed by several plugins: an error on use",
        fails=False,
        second=GOOD,
    ),
    Case(
        "takes 0.7 s to import",
        "import time\ntime.sleep(0.7)\n" + GOOD,
        "",
        "s to import, at every command",
        fails=False,
    ),
    Case("prints", "print('hello')\n" + GOOD, "", "warn: prints when imported: 'hello'", fails=False),
    Case(
        "imports torch at the top",
        "import torch\n" + GOOD,
        "",
        "fail: loads torch when imported, which makes every `seqhub check` slow",
        fails=False,
    ),
)


def install(case: Case, site: Path) -> None:
    """Write the distribution `acme` of a case into a folder, and `acme-two` where it has a second one."""
    for dist, code in (("acme", case.code), ("acme-two", case.second)):
        package = dist.replace("-", "_")
        if code:
            (site / package).mkdir(parents=True)
            (site / package / "__init__.py").touch()
            (site / package / "plugin.py").write_text(code)
            (site / package / "cells.py").write_text("class Cell:\n    pass\n")
            info = site / f"{package}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[{case.group}]\n{case.entry} = {package}.plugin\n")


def seqhub(site: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command with the plugins of a folder."""
    path = os.pathsep.join([str(site), *(folder for folder in sys.path if folder)])
    environ: Mapping[str, str] = {**os.environ, "PYTHONPATH": path, **settings}
    command = [sys.executable, "-m", "seqhub", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def row(case: Case, site: Path) -> list[str]:
    """What four commands do beside this plugin."""
    recipe = site / "plain.yaml"
    recipe.write_text(RECIPE)
    checked = seqhub(site, "check", str(recipe))
    listed = seqhub(site, "plugins", "list")
    doctor = seqhub(site, "plugins", "doctor", "acme")
    strict = seqhub(site, "check", str(recipe), SEQHUB_STRICT="1")
    works = "works" if (checked.returncode, listed.returncode) == (0, 0) else "FAILS"
    told = "one line" if case.told and case.told in checked.stderr else "nothing" if not checked.stderr else "?"
    said = next((line for line in _findings(doctor.stdout) if case.doctor in line), "?")
    said = said if said == "?" else f"`{said.replace('`', '')}`"
    raised = f"exit {strict.returncode}" if strict.returncode else "works"
    return [case.title, works, told, f"exit {doctor.returncode}", said, raised]


def _findings(text: str) -> list[str]:
    """`level: detail` of each line of the doctor that says something."""
    lines = [line for line in text.splitlines() if line.startswith(("ok ", "warn ", "fail "))]
    return [f"{line.split()[0]}: {line.partition(': ')[2].partition(', at /')[0]}" for line in lines]


def main() -> int:
    """Print the table; 1 where a command died or stayed silent."""
    print("| the plugin | every other command | tells on stderr | `plugins doctor` | which says | `SEQHUB_STRICT=1` |")
    print("|---|---|---|---|---|---|")
    sound = True
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            install(case, Path(folder))
            cells = row(case, Path(folder))
        sound = sound and cells[1] == "works" and "?" not in cells
        print("| " + " | ".join(cells) + " |", flush=True)
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
