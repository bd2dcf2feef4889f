"""`seqhub bench memory | hybrid | runtime`: small experiments, and what they need to be repeated."""

from __future__ import annotations

import argparse
import importlib

# Name -> (module with `add_arguments` and `run`, what it answers).
BENCHES: dict[str, tuple[str, str]] = {
    "memory": ("seqhub.cli.bench_memory", "which cell can hold what: adding, copying, parity, recall"),
    "hybrid": ("seqhub.cli.bench_hybrid", "what recurrence and attention do together that neither does alone"),
    "runtime": ("seqhub.cli.bench_runtime", "how fast a bundle's graphs run here, and with how many threads"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    benches = parser.add_subparsers(title="benches", metavar="BENCH", dest="bench", required=True)
    for name, (module, line) in BENCHES.items():
        child = benches.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        importlib.import_module(module).add_arguments(child)


def run(args: argparse.Namespace) -> int:
    return int(importlib.import_module(BENCHES[args.bench][0]).run(args))
