"""`seqhub verify BUNDLE`: prove a bundle again, with whatever is installed: onnxruntime, onnx, torch."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seqhub.cli.options import add_json_argument
from seqhub.cli.output import print_json, print_table

if TYPE_CHECKING:
    from seqhub.runtime.checks import Check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that `seqhub export` wrote")
    parser.add_argument("--run", type=Path, metavar="RUN", help="the run it came from: prove it against torch again")
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    checks = _checks(args.bundle, args.run)
    passed = all(check.ok is not False for check in checks)
    if args.json:
        print_json({"ok": passed, "bundle": args.bundle, "checks": checks})
    else:
        marks = {True: "ok", False: "FAILED", None: "not done"}
        print_table(["check", "result", "detail"], [[check.name, marks[check.ok], check.detail] for check in checks])
    return 0 if passed else 1


def _checks(bundle: Path, run: Path | None) -> list[Check]:
    """All that this installation can check; without torch, what onnxruntime alone can."""
    if run is None and not (find_spec("torch") and find_spec("onnxscript")):
        from seqhub.runtime.checks import Check
        from seqhub.runtime.verify import verify

        return [*verify(bundle), Check("onnx checker", None, "needs seqhub[train]")]
    from seqhub.export import verify_bundle
    from seqhub.training.folder import RunFolder

    return verify_bundle(bundle, RunFolder.open(run).load_model("best").model if run is not None else None)
