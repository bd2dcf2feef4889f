"""How long the lightest commands take: the median of 15 fresh processes each, against a budget of 250 ms.

.venv/bin/python benchmarks/cli_startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from seqhub.cli.output import print_table

BUDGET_MS = 250.0
RUNS = 15
COMMANDS = (("--help",), ("--version",), ("plugins", "list"))


def wall_ms(words: tuple[str, ...]) -> float:
    """Wall time of one process, in milliseconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "seqhub", *words], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def main() -> int:
    """Print the table; 1 where a median exceeds the budget."""
    rows = []
    for words in COMMANDS:
        wall_ms(words)  # the first run compiles bytecode
        times = [wall_ms(words) for _ in range(RUNS)]
        median = statistics.median(times)
        rows.append([f"seqhub {' '.join(words)}", median, min(times), max(times), median < BUDGET_MS])
    print_table(["command", "median ms", "fastest ms", "slowest ms", f"under {BUDGET_MS:.0f} ms"], rows)
    return int(not all(row[-1] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
