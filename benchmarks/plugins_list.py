"""`seqhub plugins list` with 30 more plugins installed: the median of 15 processes, against a budget of 300 ms.

.venv/bin/python benchmarks/plugins_list.py

Each of the 30 writes a file when it is imported; none may.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET_MS = 300.0
PLUGINS = 30
RUNS = 15


def install(site: Path, count: int = PLUGINS) -> None:
    """Distributions `acme-00` and so on, each of a package that leaves a mark when it is imported."""
    for number in range(count):
        package = f"acme_{number:02d}"
        (site / package).mkdir(parents=True)
        (site / package / "__init__.py").write_text(
            "from pathlib import Path\nPath(__file__).with_name('mark').touch()\n"
        )
        (site / package / "plugin.py").write_text("")
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[seqhub.v1]\nmain = {package}.plugin\n")


def imported(site: Path) -> list[str]:
    """The packages that were imported since they were written."""
    return sorted(mark.parent.name for mark in site.glob("*/mark"))


def _children(times: os.times_result) -> float:
    """Processor seconds of finished child processes."""
    return times.children_user + times.children_system


def main() -> int:
    """Print the times; 1 where the median exceeds the budget or a plugin was imported."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        install(site)
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([folder, *(path for path in sys.path if path)])}
        times, busy = [], []
        for _ in range(RUNS + 1):
            start, before = time.perf_counter(), os.times()
            command = [sys.executable, "-m", "seqhub", "plugins", "list"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
            times.append((time.perf_counter() - start) * 1000)
            busy.append((_children(os.times()) - _children(before)) * 1000)
        found = sum(line.startswith("acme-") for line in done.stdout.splitlines())
        marks = imported(site)
    times = times[1:]  # the first run compiles bytecode
    median = statistics.median(times)
    print(f"{found} plugins listed, {len(marks)} imported")
    print(f"median {median:.0f} ms of {BUDGET_MS:.0f} ms, fastest {min(times):.0f} ms, slowest {max(times):.0f} ms")
    print(f"of processor time {statistics.median(busy):.0f} ms")
    return int(median > BUDGET_MS or bool(marks) or found != PLUGINS)


if __name__ == "__main__":
    sys.exit(main())
