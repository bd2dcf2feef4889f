"""`seqhub eval RUN|BUNDLE`: score a split. One metric code, whether torch or onnxruntime gives the answers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from seqhub.cli.options import add_json_argument, add_plugin_arguments, add_precision_argument
from seqhub.cli.output import print_json
from seqhub.errors import UsageError

if TYPE_CHECKING:
    from seqhub.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="RUN|BUNDLE", help="folder of a run, or of an exported bundle")
    splits = ("train", "valid", "test")
    parser.add_argument("--split", choices=splits, default="test", help="which items to score (default: test)")
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="of a run: which weights")
    parser.add_argument("--recipe", type=Path, metavar="RECIPE", help="whose data to score a bundle outside its run on")
    add_precision_argument(parser)
    add_plugin_arguments(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    from seqhub.cli.runs import better, check_promises, promises, warn_of_versions
    from seqhub.report.table import print_scores, score_rows
    from seqhub.runtime.manifest import FILE, read_manifest
    from seqhub.training.evaluate import evaluate_bundle, evaluate_model
    from seqhub.training.folder import RunFolder
    from seqhub.training.parts import build_task

    path: Path = args.path
    is_bundle = (path / FILE).is_file()
    if is_bundle:
        read_manifest(path).check_precision(args.precision)  # before data is read
        recipe = _recipe_of(path, args.recipe)
        task = build_task(recipe)
        task.prepare()
        scored = evaluate_bundle(path, task, args.split, precision=args.precision)
    elif args.precision != "float32":
        message = f"--precision {args.precision} is of a bundle, but {path} is none"
        raise UsageError(message, fix=f"seqhub eval {path / 'bundle'} --precision {args.precision}", code="E025")
    else:
        loaded = RunFolder.open(path).load_model(args.checkpoint)
        recipe = loaded.recipe
        warn_of_versions(RunFolder(path), recipe)
        task = build_task(recipe)
        task.prepare()
        scored = evaluate_model(loaded.model, task, args.split)
    baselines = task.baselines(args.split)
    kept = promises(recipe, scored.metrics) if args.split == "test" else ()
    if args.json:
        print_json(
            {
                "path": path,
                "engine": "onnxruntime" if is_bundle else "torch",
                "precision": args.precision,
                "split": args.split,
                "items": len(scored.answers),
                "metrics": scored.metrics,
                "baselines": baselines,
                "expect": [asdict(promise) for promise in kept],
            }
        )
        return 0 if all(promise.kept for promise in kept) else 3
    headers, rows = score_rows({"model": scored.metrics, **baselines}, kept, better(recipe))
    engine = "the ONNX bundle" if is_bundle else "the model in torch"
    engine += f" in {args.precision}" if args.precision != "float32" else ""
    print_scores(headers, rows, f"{recipe.name}: {engine} on {len(scored.answers)} {args.split} items")
    check_promises(recipe, kept)
    return 0


def _recipe_of(bundle: Path, given: Path | None) -> Recipe:
    """The recipe that says what a bundle is scored on: the one given, or that of the run it lies in."""
    from seqhub.plugins import load_registry
    from seqhub.recipe import load_recipe
    from seqhub.training.folder import RunFolder

    if given is not None:
        return load_recipe(given, load_registry())
    if RunFolder.is_run(bundle.resolve().parent):
        return RunFolder(bundle.resolve().parent).load_recipe()
    raise UsageError(
        f"{bundle} lies outside its run, so what to score it on is unknown",
        code="E024",
        fix=f"name a recipe: seqhub eval {bundle} --recipe RECIPE",
    )
