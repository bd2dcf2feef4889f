"""`seqhub bench runtime BUNDLE`: how fast its graphs run here, and with how many threads they should."""

from __future__ import annotations

import argparse
import math
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.cli.bench_options import at_least
from seqhub.cli.options import add_json_argument
from seqhub.cli.output import print_json, print_table

if TYPE_CHECKING:
    from seqhub.runtime.measure import Choice, Timing

_BATCHES, _CHUNKS, _STEPS = (1, 16, 64), (1, 16), 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that `seqhub export` wrote")
    parser.add_argument("--batches", type=_counts, default=_BATCHES, help="rows of a run (default: 1,16,64)")
    parser.add_argument("--chunks", type=_counts, default=_CHUNKS, help="steps a run of the stream (default: 1,16)")
    parser.add_argument("--steps", type=at_least(1), default=_STEPS, help="of a whole sequence (default: 128)")
    parser.add_argument("--threads", type=_counts, default=(), help="settings to compare (default: 1, 2, 4 .. cores)")
    parser.add_argument("--seconds", type=_seconds, default=0.3, help="for each case and setting (default: 0.3)")
    parser.add_argument("--precision", default="float32", help="of the graphs, where the bundle has several")
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    from seqhub.runtime.measure import choose, measure

    timings = measure(
        args.bundle,
        batches=args.batches,
        chunks=args.chunks,
        steps=args.steps,
        threads=args.threads,
        seconds=args.seconds,
        precision=args.precision,
    )
    choices = choose(timings)
    if args.json:
        document = {"bundle": args.bundle, "precision": args.precision, "machine": _machine()}
        print_json({**document, "timings": timings, "threads": choices})
    else:
        _print(args.bundle, timings, choices)
    return 0


def _print(bundle: Path, timings: list[Timing], choices: list[Choice]) -> None:
    best = {choice.case: choice.threads for choice in choices}
    rows = [
        [t.graph, t.rows, t.steps, t.threads, round(t.median_us), round(t.p99_us), round(t.per_second), mark]
        for t, mark in ((t, "<-" if t.threads == best[t.case] else "") for t in timings)
    ]
    print_table(["graph", "rows", "steps", "threads", "median us", "99 % us", "steps/s", ""], rows)
    print()
    for line in _advice(bundle, choices):
        print(line)


def _advice(bundle: Path, choices: list[Choice]) -> list[str]:
    """One line for the smallest case of each graph, and one for the largest."""
    lines = []
    for graph in dict.fromkeys(choice.case.graph for choice in choices):
        own = sorted((c for c in choices if c.case.graph == graph), key=lambda c: (c.case.rows, c.case.steps))
        for choice in dict.fromkeys((own[0], own[-1])):
            gain = f", {choice.gain:.2f}x as fast as one thread" if choice.threads > 1 else ""
            what = f"{graph}, {choice.case.rows} x {choice.case.steps} steps{gain}"
            lines.append(f'seqhub.runtime.load("{bundle}", threads={choice.threads})  # {what}')
    return lines


def _machine() -> dict[str, Any]:
    import platform

    from seqhub.bench.machine import processor
    from seqhub.runtime.measure import cores

    versions = {name: version(name) for name in ("numpy", "onnxruntime")}
    system = {"system": platform.platform(terse=True), "python": platform.python_version()}
    return {"processor": processor(), "cores": cores(), **system, **versions}


def _counts(text: str) -> tuple[int, ...]:
    """`1,16,64`."""
    number = at_least(1)
    return tuple(sorted({number(part.strip()) for part in text.split(",")}))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got '{text}'")
    return seconds
