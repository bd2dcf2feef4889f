"""Every check of every installed component, as a table: `docs/conformance.md` is what this prints.

.venv/bin/python benchmarks/conformance.py > docs/conformance.md          # about five minutes on 2 cores
.venv/bin/python benchmarks/conformance.py lstm seqhub/decimate            # the rows of these alone
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import torch

from seqhub.errors import PluginError
from seqhub.plugins import Component, load_registry
from seqhub.testing.suite import Outcome, run_checks

KINDS = ("cell", "attention", "encoder", "block")
EXPECTED = {
    "seqhub/from-last": {"check_receptive_field": "the last step is itself less itself: always zero"},
    "seqhub/instance-norm": {"check_receptive_field": "the first step is its own mean: always zero"},
}
HEAD = """\
# Conformance

Every shipped component through `seqhub.testing`: each of its examples through every check. Not applicable means that
the check has nothing to look at (a fused form where the cell has none, a state where there is none). Made by
`benchmarks/conformance.py`.

| component | kind | examples | checks | passed | failed | expected failures | not applicable |
|---|---|---|---|---|---|---|---|"""


def check(ref: str) -> list[Outcome]:
    """All outcomes of one component; one thread, since components run side by side."""
    torch.set_num_threads(1)
    return run_checks(ref, expected_failures=EXPECTED.get(ref))


def every_component() -> list[Component]:
    """Those that come with the project, kind by kind."""
    return [c for kind in KINDS for c in load_registry().components(kind) if c.dist.startswith("seqhub")]


def main() -> int:
    """Print the table; 1 where a check failed."""
    parser = argparse.ArgumentParser(description="Every check of every installed component, as a table.")
    parser.add_argument("name", nargs="*", help="components to check; all where none is named")
    names = parser.parse_args().name
    registry = load_registry()
    try:
        components = [registry.resolve(name, KINDS) for name in dict.fromkeys(names)] if names else every_component()
    except PluginError as error:
        parser.error(str(error))
    with ProcessPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(check, [component.ref for component in components]))
    print(HEAD)
    totals: Counter[str] = Counter()
    for component, outcomes in zip(components, results, strict=True):
        counts = Counter(outcome.result for outcome in outcomes)
        totals.update(counts)
        row = [component.ref, component.spec.kind, len({o.subject for o in outcomes}), len(outcomes)]
        row += [counts[result] for result in ("passed", "failed", "expected failure", "n/a")]
        print("| " + " | ".join(map(str, row)) + " |")
    print(
        f"\n{sum(totals.values())} checks: " + ", ".join(f"{n} {result}" for result, n in sorted(totals.items())) + "."
    )
    for outcomes in results:
        for outcome in outcomes:
            if outcome.result in ("failed", "expected failure"):
                print(f"\n- {outcome}")
    return int(totals["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
