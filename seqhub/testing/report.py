"""The conformance of a distribution as JSON lines, for a process of its own: a component may hang, or end it.

    python -m seqhub.testing.report DIST [--graphs]

Each line is one component: its ref, seconds of processor time, how many checks came to which result, and what failed.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence

import torch

from seqhub.plugins import Component, load_registry
from seqhub.plugins.hookspecs import HOOKS
from seqhub.testing.suite import checks_of, run_check, subjects


def component_report(component: Component, *, graphs: bool) -> dict[str, object]:
    """What the suite says of one component; a spec without examples is a failure of the check `examples`."""
    start = time.process_time()
    try:
        cases = subjects(component)
    except ValueError as error:
        failed = [{"subject": component.ref, "check": "examples", "detail": str(error), "means": ""}]
        return {"ref": component.ref, "seconds": 0.0, "counts": {"failed": 1}, "failed": failed}
    checks = checks_of(component.spec.kind, graphs=graphs)
    outcomes = [(check, run_check(check, case)) for case in cases for check in checks]
    failed = [
        {"subject": o.subject, "check": o.check, "detail": o.detail, "means": _first_line(check.__doc__)}
        for check, o in outcomes
        if o.result == "failed"
    ]
    counts = Counter(outcome.result for _, outcome in outcomes)
    return {"ref": component.ref, "seconds": time.process_time() - start, "counts": counts, "failed": failed}


def main(words: Sequence[str]) -> int:
    """Print a line for each component of a distribution."""
    torch.set_num_threads(1)
    registry = load_registry(notify=lambda line: None)
    for spec in HOOKS.values():
        for component in registry.components(spec.kind):
            if component.dist == words[0]:
                print("\n" + json.dumps(component_report(component, graphs="--graphs" in words)), flush=True)
    return 0


def _first_line(doc: str | None) -> str:
    return (doc or "").strip().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
