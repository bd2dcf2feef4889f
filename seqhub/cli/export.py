"""`seqhub export RUN`: a run's best weights as a verified ONNX bundle, or nothing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.cli.options import add_json_argument, add_plugin_arguments
from seqhub.cli.output import print_error, print_json

if TYPE_CHECKING:
    from seqhub.export import BundleReport
    from seqhub.training.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a trained run")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the bundle's folder (default: RUN/bundle)")
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="which weights (default: best)")
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
    report = export_bundle(
        loaded.model,
        loaded.ends,
        loaded.manifest,
        providers_of(loaded.plan),
        out,
        name=loaded.recipe.name,
        graphs=loaded.recipe.export.graphs,
        tolerance=loaded.recipe.export.verify.tolerance,
        opset=loaded.recipe.export.opset,
        chunk=loaded.recipe.export.chunk,
        card=_scores(folder) if args.checkpoint == "best" else {},
        on_progress=print_error if args.json else _print,
    )
    if args.json:
        print_json(report)
    else:
        _print_report(report)
    return 0


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
    print(f"bundle: {report.folder} ({report.seconds:.1f} s)")
