"""`seqhub doctor`: is this environment sound? One line for each thing looked at, one fix for each that is not."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

import seqhub
from seqhub.cli.findings import Finding, print_findings
from seqhub.cli.health import plugin_findings
from seqhub.cli.options import add_json_argument
from seqhub.cli.versions import package_findings
from seqhub.plugins import load_registry

OLDEST_PYTHON = (3, 11)
LIGHT_MODULES = (
    "seqhub.api",
    "seqhub.assembly.plan",
    "seqhub.cli",
    "seqhub.plugins",
    "seqhub.recipe",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    findings = [_python(), *package_findings(), _light_imports(), _folder()]
    findings += plugin_findings(load_registry(notify=lambda line: None))
    return print_findings(findings, as_json=args.json)


def _python() -> Finding:
    have, where = ".".join(map(str, sys.version_info[:3])), sys.executable
    if sys.version_info < OLDEST_PYTHON:
        fix = "make a virtual environment with Python 3.11 or newer"
        return Finding("fail", "python", f"{have} at {where} is older than 3.11", fix)
    return Finding("ok", "python", f"{have} at {where}, seqhub {seqhub.__version__}, {os.cpu_count()} CPU threads")


def _light_imports() -> Finding:
    """What checks recipes must not load torch: seen from a fresh interpreter, without plugins."""
    program = f"import sys, {', '.join(LIGHT_MODULES)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("fail", "imports", reason, "pip install --force-reinstall seqhub")
    if done.stdout.strip() != "False":
        fix = "report it: `seqhub check` should not need torch"
        return Finding("fail", "imports", "the recipe front end loads torch", fix)
    return Finding("ok", "imports", "the recipe front end loads without torch")


def _folder() -> Finding:
    """Runs are written under the working directory."""
    try:
        with tempfile.NamedTemporaryFile(dir=".", prefix=".seqhub-"):
            return Finding("ok", "folder", f"{os.getcwd()} can be written to")
    except OSError as error:
        fix = "change to a folder that you may write to, since runs are written below it"
        return Finding("fail", "folder", f"{os.getcwd()}: {error.strerror}", fix)
