"""What the verbs that make or read runs share."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqhub.cli.output import print_error
from seqhub.errors import ExpectationMissed, Problem
from seqhub.recipe.uses import metrics_of
from seqhub.report.table import Promise

if TYPE_CHECKING:
    from seqhub.recipe import Recipe
    from seqhub.training.folder import RunFolder


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """`--fresh` and `--out`."""
    parser.add_argument(
        "--fresh", action="store_true", help="do not resume: start anew, and keep what is there as DIR.previous"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the run (default: runs/NAME, with --smoke runs/NAME-smoke)"
    )


def run_folder(args: argparse.Namespace, recipe: Recipe) -> Path:
    """Where the run goes. A smoke run never takes the place of a real one."""
    out: Path | None = args.out
    return out or Path("runs", recipe.name + ("-smoke" if args.smoke else ""))


def command(verb: str, args: argparse.Namespace) -> str:
    """The command line that resumes this one."""
    words = ["seqhub", verb, str(args.recipe)]
    for override in args.overrides:
        words += ["--set", override]
    for file in args.plugins:
        words += ["--plugin", str(file)]
    words += ["--smoke"] if args.smoke else []
    words += ["--out", str(args.out)] if args.out else []
    return shlex.join(words)


def stop_message(verb: str, args: argparse.Namespace, folder: RunFolder) -> str:
    """What was kept, and how to go on."""
    if not folder.is_run(folder.path):
        return "stopped before anything was written"
    status = folder.status()
    if not folder.has_checkpoint():
        return f"stopped in {folder.path} before the first batch ended\n  start again:  {command(verb, args)}"
    where = f"in epoch {status.epoch + 1} after batch {status.batch}" if status.batch else f"after epoch {status.epoch}"
    where = f"after {status.stages[-1]}" if status.stages else where
    return f"stopped {where}; everything so far is kept in {folder.path}\n  go on:  {command(verb, args)}"


def warn_of_versions(folder: RunFolder, recipe: Recipe) -> None:
    """Say which components another version provides now than when the run began."""
    from seqhub.training.environment import providers
    from seqhub.training.origins import provider_differences

    for line in provider_differences(folder.read_environment().get("components", ()), providers(recipe)):
        print_error(f"seqhub: {line}")


def promises(recipe: Recipe, metrics: Mapping[str, float]) -> tuple[Promise, ...]:
    """The recipe's `expect` against measured numbers."""
    found = []
    for bound in recipe.expect:
        value = metrics[bound.metric]
        found.append(Promise(bound.metric, f"{bound.op} {bound.value:g}", value, bound.holds(value)))
    return tuple(found)


def check_promises(recipe: Recipe, measured: Sequence[Promise]) -> None:
    """Raise ExpectationMissed with every bound that does not hold, at its line of the recipe."""
    value = {promise.metric: promise.value for promise in measured}
    fix = "improve the model, or change what the recipe expects"
    missed = [
        Problem("E800", f"expected {bound}, measured {value[bound.metric]:.4g}", fix, bound.place)
        for bound in recipe.expect
        if bound.metric in value and not bound.holds(value[bound.metric])
    ]
    if missed:
        raise ExpectationMissed.collect(missed)


def better(recipe: Recipe) -> Mapping[str, str]:
    """For each metric of the task, whether `min` or `max` is better."""
    return metrics_of(recipe.task.component.spec, recipe.task.options)
