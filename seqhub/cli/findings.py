"""One thing that a diagnosis found: fine, worth knowing, or to be mended."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from seqhub.cli.output import print_json


@dataclass(frozen=True)
class Finding:
    """subject: what was looked at.  fix: the one edit or command that mends it; empty where level is ok."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    detail: str
    fix: str = ""


def print_findings(findings: Iterable[Finding], *, as_json: bool) -> int:
    """Print each as it is found, and return the exit code: 1 where one failed."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            print(f"{finding.level:<5}{finding.subject}: {finding.detail}")
            if finding.fix:
                print(f"     fix: {finding.fix}")
            sys.stdout.flush()
    failed = sum(finding.level == "fail" for finding in found)
    warned = sum(finding.level == "warn" for finding in found)
    if as_json:
        print_json({"ok": not failed, "findings": found})
    else:
        print(f"\n{len(found) - failed - warned} ok, {warned} to note, {failed} to mend")
    return int(failed > 0)
