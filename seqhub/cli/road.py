"""What follows training in `seqhub run`: score, export, predict from the bundle, draw, and say how it went."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.cli.pictures import draw_run
from seqhub.cli.runs import better, promises
from seqhub.errors import ExportError
from seqhub.plugins.local import local_records
from seqhub.report.table import Promise, print_scores, score_rows
from seqhub.training.display import Display
from seqhub.training.files import write_json, write_rows

if TYPE_CHECKING:
    from seqhub.training.run import Trained


@dataclass
class RoadResult:
    """All that the closing table shows. metrics: of the bundle, which is what leaves the house; torch: of the model."""

    name: str
    metrics: dict[str, float]
    torch: dict[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    promises: tuple[Promise, ...]
    better: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)


def finish(trained: Trained, display: Display) -> RoadResult:
    """Every stage after training. Raises ExportError where the bundle was refused."""
    from seqhub.training.evaluate import evaluate_bundle, evaluate_model, furthest

    folder, task, recipe = trained.folder, trained.task, trained.recipe
    seconds = {"train": trained.seconds}
    best = trained.best
    display.say(f"trained {len(trained.history)} epochs in {trained.seconds:.1f} s; kept epoch {best['epoch']}")
    with _timed(seconds, "evaluate"):
        scored = evaluate_model(trained.model, task, "test")
        baselines = task.baselines("test")
    result = RoadResult(
        name=recipe.name,
        metrics=scored.metrics,
        torch=scored.metrics,
        baselines=baselines,
        promises=promises(recipe, scored.metrics),
        better=better(recipe),
        seconds=seconds,
    )
    write_json(folder.summary, summary(trained, result))  # the exporter reads it for the bundle's README
    folder.mark(stages=("train", "evaluate"))
    with _timed(seconds, "export"):
        _export(folder.path, recipe.train.threads, display)
    folder.mark(stages=("train", "evaluate", "export"))
    with _timed(seconds, "predict"):
        shipped = evaluate_bundle(folder.bundle, task, "test")
        rows = task.records(shipped.answers, "test")
        write_rows(folder.predictions / "test.jsonl", list(rows))
    apart = furthest(shipped.answers, scored.answers)
    display.say(f"predicted {len(rows)} test items from the bundle without torch; {apart:.2g} apart from torch at most")
    with _timed(seconds, "draw"):
        pictures = draw_run(trained, rows)
    result.metrics, result.promises = shipped.metrics, promises(recipe, shipped.metrics)
    result.paths |= {"run": folder.path, "bundle": folder.bundle, "predictions": folder.predictions / "test.jsonl"}
    result.paths |= pictures
    write_json(folder.summary, summary(trained, result))
    return result


def summary(trained: Trained, result: RoadResult) -> dict[str, Any]:
    """summary.json."""
    return {
        "name": result.name,
        "metrics": result.metrics,
        "metrics_torch": result.torch,
        "baselines": {name: dict(numbers) for name, numbers in result.baselines.items()},
        "expect": [{"metric": p.metric, "bound": p.bound, "value": p.value, "kept": p.kept} for p in result.promises],
        "epochs": len(trained.history),
        "best_epoch": trained.best["epoch"],
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "seconds": {name: round(value, 2) for name, value in result.seconds.items()},
    }


def print_closing(result: RoadResult) -> None:
    """The table, the seconds, and the paths."""
    print()
    columns = {"model": result.metrics, **result.baselines}
    headers, rows = score_rows(columns, result.promises, result.better)
    print_scores(headers, rows, f"{result.name} on its test data, answered by the ONNX bundle")
    print()
    spent = ", ".join(f"{name} {value:.1f}" for name, value in result.seconds.items())
    width = max(map(len, ("seconds", *result.paths)))
    print(f"  {'seconds':<{width}}  {sum(result.seconds.values()):.1f} ({spent})")
    for name, path in result.paths.items():
        print(f"  {name:<{width}}  {path}")


def _export(folder: Path, threads: int | None, display: Display) -> None:
    """In a process of its own: the exporter starts clean, and nothing but the folder can reach the bundle."""
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    display.say("exporting, and proving the graphs equal to the model ...")
    command = [sys.executable, "-u", "-m", "seqhub", "export", str(folder)]
    for record in local_records():
        command += ["--plugin", record.file]
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as child:
            try:
                for line in child.stdout or ():
                    display.say(f"  {line.rstrip()}")
            except BaseException:
                child.kill()
                raise
        errors.seek(0)
        message = errors.read().strip()
    if child.returncode:
        why = message or f"the exporter ended with code {child.returncode}"
        raise ExportError(f"no bundle was written:\n{why}", code="E500", fix=f"once mended: seqhub export {folder}")
    if message:
        display.say(message)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - start
