"""One thing that a diagnosis found: fine, worth knowing, or to be mended."""

from __future__ import annotations

from collections.abc import Sequence
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


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print them and return the exit code: 1 where one failed."""
    failed = sum(finding.level == "fail" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "findings": list(findings)})
        return int(failed > 0)
    for finding in findings:
        print(f"{finding.level:<5}{finding.subject}: {finding.detail}")
        if finding.fix:
            print(f"     fix: {finding.fix}")
    warned = sum(finding.level == "warn" for finding in findings)
    print(f"\n{len(findings) - failed - warned} ok, {warned} to note, {failed} to mend")
    return int(failed > 0)
