"""`seqhub export RUN`: a run's best weights as a verified ONNX bundle, or nothing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.cli.options import add_json_argument, add_plugin_arguments
from seqhub.cli.output import print_error, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqhub.export import BundleReport
    from seqhub.export.bundle import Reduce
    from seqhub.recipe import Recipe
    from seqhub.training.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a trained run")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the bundle's folder (default: RUN/bundle)")
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="which weights (default: best)")
    parser.add_argument(
        "--reduced",
        nargs="+",
        choices=("int8", "int8-static", "fp16"),
        metavar="PRECISION",
        help="int8, int8-static, fp16: graphs of lower precision too, where the validation data says that they answer "
        "nearly as well (default: what the recipe says)",
    )
    parser.add_argument(
        "--profile",
        choices=("portable", "modern", "ort"),
        help="portable: opset 20; modern: opset 24; ort: graphs fused for onnxruntime beside "
        "(default: what the recipe says)",
    )
    add_plugin_arguments(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    from seqhub.cli.runs import warn_of_versions
    from seqhub.export import check_target, export_bundle, providers_of
    from seqhub.training.folder import RunFolder

    folder = RunFolder.open(args.run)
    out = args.out or folder.bundle
    check_target(out)
    loaded = folder.load_model(args.checkpoint)
    warn_of_versions(folder, loaded.recipe)
    say = print_error if args.json else _print
    profile = args.profile or loaded.recipe.export.profile
    report = export_bundle(
        loaded.model,
        loaded.ends,
        loaded.manifest,
        providers_of(loaded.plan),
        out,
        name=loaded.recipe.name,
        graphs=loaded.recipe.export.graphs,
        tolerance=loaded.recipe.export.verify.tolerance,
        profile=profile,
        opset=loaded.recipe.export.opset if profile == loaded.recipe.export.profile else None,
        chunk=loaded.recipe.export.chunk,
        card=_scores(folder) if args.checkpoint == "best" else {},
        reduce=_reducer(loaded.recipe, args.reduced, say),
        on_progress=say,
    )
    if args.json:
        print_json(report)
    else:
        _print_report(report)
    return 0


def _reducer(recipe: Recipe, asked: list[str] | None, say: Callable[[str], None]) -> Reduce | None:
    """What adds the reduced precisions to the bundle; None where none is wanted. The data is read when it is called."""
    section = recipe.export.reduced
    precisions = section.precisions if asked is None else tuple(asked)
    if not precisions:
        return None
    from seqhub.cli.reduced import judge_of
    from seqhub.export.reduced import Wanted, add_reduced

    wanted = Wanted(precisions, section.max_drop, section.required)
    return lambda folder: add_reduced(folder, wanted, judge_of(recipe), chunk=recipe.export.chunk, on_progress=say)


def _scores(folder: RunFolder) -> dict[str, Any]:
    """Test scores and baselines for the model card, where the run was evaluated."""
    try:
        summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: summary[key] for key in ("metrics", "baselines") if key in summary}


def _print(line: str) -> None:
    print(line, flush=True)


def _print_report(report: BundleReport) -> None:
    for role, found in report.graphs.items():
        size = (report.folder / f"{role}.onnx").stat().st_size
        took = f", {report.speed[role]:.0f} us" if role in report.speed else ""
        print(f"{role}.onnx: {size / 1024:.0f} KiB, differs from torch by {found['max']:.1e} at most{took}")
    for outcome in report.reduced:
        print(outcome)
    print(f"bundle: {report.folder} ({report.seconds:.1f} s)")
