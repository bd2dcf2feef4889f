"""`seqhub results RUN [RUN ...]`: finished runs as one table, as Markdown with `-o`.

Scores are those of the test split through the bundle; a baseline is the best of the naive ones by that score.
Sizes are of the ONNX files; latencies are measured now, on this machine, one row on one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.cli.options import add_json_argument
from seqhub.cli.output import print_json, print_table
from seqhub.cli.runs import better, promises
from seqhub.errors import UsageError
from seqhub.report.table import Promise

if TYPE_CHECKING:
    from seqhub.training.folder import RunFolder

HEADERS = ("recipe", "score", "best naive", "train", "parameters", "bundle", "128 steps", "one step")


@dataclass(frozen=True)
class Result:
    """One run. scores: the metrics that the recipe makes a promise of, or its main one.  naive: for each, the best
    baseline and its number.  seconds: of training.  full, step: microseconds through the runtime; None where the
    bundle has no such graph.
    """

    recipe: str
    task: str
    seed: int
    scores: Mapping[str, float]
    promises: tuple[Promise, ...]
    naive: Mapping[str, tuple[str, float]]
    seconds: float
    parameters: int
    kilobytes: float
    full: float | None
    step: float | None
    machine: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of finished runs")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write the table there, as Markdown")
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    from seqhub.training.files import write_bytes
    from seqhub.training.folder import RunFolder

    found = sorted((_read(RunFolder.open(path)) for path in args.runs), key=lambda one: (one.task, one.recipe))
    if args.out is not None:
        write_bytes(args.out, page(found).encode())
    if args.json:
        print_json([asdict(one) for one in found])
    elif args.out is not None:
        print(f"wrote {args.out}: {len(found)} runs")
    else:
        print_table(HEADERS, [cells(one) for one in found])
    return 0


def page(results: Sequence[Result]) -> str:
    """The table as a Markdown page, a part for each task."""
    from seqhub.bench.tables import markdown_table

    parts = [
        "# Measured results\n",
        "Written by `seqhub results RUN ... -o docs/results.md` from finished runs: each the recipe as it is shipped, "
        "scored on its test\nsplit through the ONNX bundle. Beside it the best naive answer to the same question. "
        "Seconds are of training, some of them beside\nother work; 128 steps and one step (or token) are medians "
        "through the runtime, one row, one thread. \u2717 marks a promise of the\nrecipe that was missed.\n",
        *(f"* {line}\n" for line in sorted({one.machine for one in results})),
    ]
    for task in dict.fromkeys(one.task for one in results):
        rows = [cells(one) for one in results if one.task == task]
        parts.append(f"\n## {task}\n\n" + markdown_table(HEADERS, rows))
    return "\n".join(parts[:2]) + "\n" + "".join(parts[2:])


def cells(one: Result) -> list[str]:
    """A row of the table."""
    scores = [f"{name} {value:.4g}{_promise(one, name)}" for name, value in one.scores.items()]
    naive = [f"{label} {value:.4g}" for label, value in one.naive.values()]
    times = ("-" if value is None else f"{value / 1000:.3g} ms" for value in (one.full, one.step))
    size = f"{one.kilobytes / 1000:.1f} MB" if one.kilobytes >= 1000 else f"{one.kilobytes:.0f} kB"
    train = f"{one.seconds:.0f} s"
    return [one.recipe, ", ".join(scores), ", ".join(naive) or "-", train, f"{one.parameters:,}", size, *times]


def _promise(one: Result, name: str) -> str:
    found = next((promise for promise in one.promises if promise.metric == name), None)
    if found is None:
        return ""
    return f" ({found.bound})" if found.kept else f" ({found.bound} \u2717)"


def _read(folder: RunFolder) -> Result:
    """What a finished run says of itself. UsageError E026 where it did not finish, or has no bundle."""
    from seqhub.export.speed import measure
    from seqhub.runtime import load
    from seqhub.training.files import read_json

    if not folder.summary.is_file() or not folder.bundle.is_dir():
        message = f"{folder.path} is no finished run: it has no {'bundle' if folder.summary.is_file() else 'summary'}"
        raise UsageError(message, fix=f"seqhub run {folder.recipe}", code="E026")
    summary: Any = read_json(folder.summary)
    recipe = folder.load_recipe()
    directions = better(recipe)
    promised = promises(recipe, summary["metrics"])
    chosen = [promise.metric for promise in promised] or [recipe.train.monitor or next(iter(summary["metrics"]))]
    speed = measure(load(folder.bundle))
    environment = folder.read_environment()
    packages = environment.get("packages", {})
    versions = ", ".join(f"{name} {packages.get(name)}" for name in ("torch", "onnxruntime"))
    return Result(
        recipe=recipe.name,
        task=recipe.task.component.spec.name,
        seed=recipe.seed,
        scores={name: summary["metrics"][name] for name in chosen},
        promises=promised,
        naive={name: found for name in chosen if (found := _best(summary["baselines"], name, directions[name]))},
        seconds=summary["seconds"]["train"],
        parameters=summary["parameters"],
        kilobytes=sum(file.stat().st_size for file in folder.bundle.glob("*.onnx")) / 1000,
        full=speed.get("full", speed.get("encoder")),
        step=speed.get("stream", speed.get("decoder_step")),
        machine=f"{environment.get('cpus', '?')} cores, {versions}",
    )


def _best(baselines: Mapping[str, Mapping[str, float]], metric: str, better: str) -> tuple[str, float] | None:
    """The best baseline by this metric; None where none has it."""
    numbers = {label: scores[metric] for label, scores in baselines.items() if scores.get(metric) is not None}
    if not numbers:
        return None
    label = (max if better == "max" else min)(numbers, key=lambda one: numbers[one])
    return label, numbers[label]
