"""The conformance suite under pytest. The whole of a plugin's test file:

from seqhub.testing.pytest import conformance

test_mgu = conformance("seqhub-acme/mgu")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from seqhub.plugins import load_registry
from seqhub.testing.suite import CHECKS, Check, Outcome, run_check, subjects, summary, too_few


def conformance(name: str, *, expected_failures: Mapping[str, str] | None = None) -> Callable[..., None]:
    """A parametrised test: one case per example of the component, all checks in each.

    expected_failures: {"check_bfloat16": "why"}; strict, so a check that passes after all fails the test.
    """
    reasons = dict(expected_failures or {})
    unknown = sorted(reasons.keys() - {check.__name__ for check in CHECKS})
    if unknown:
        raise ValueError(f"no such checks: {unknown}; there are {sorted(check.__name__ for check in CHECKS)}")
    cases = subjects(load_registry().resolve(name))

    @pytest.mark.parametrize("subject", cases, ids=lambda subject: subject.name)
    def test(subject: object) -> None:
        outcomes = [run_check(check, subject, reasons.get(check.__name__, "")) for check in CHECKS]  # type: ignore[arg-type]
        print(summary(outcomes))
        failed = [str(outcome) for outcome in outcomes if outcome.result == "failed"]
        if failed:
            pytest.fail("\n".join(failed), pytrace=False)
        if too_few(outcomes):
            pytest.fail(f"{summary(outcomes)}: too few checks had something to look at", pytrace=False)

    return test


__all__ = ["Check", "Outcome", "conformance"]
