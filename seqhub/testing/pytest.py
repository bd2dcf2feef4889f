"""The conformance suite under pytest. The whole of a plugin's test file:

from seqhub.testing.pytest import conformance

test_mgu = conformance("seqhub-acme/mgu")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from seqhub.plugins import load_registry
from seqhub.testing.subject import Subject
from seqhub.testing.suite import (
    CHECKS,
    CONTRACT,
    GRAPHS,
    LAYER_KINDS,
    Check,
    checks_of,
    run_check,
    subjects,
    summary,
    too_few,
)

__all__ = ["conformance"]

GROUPS: dict[str, tuple[Check, ...]] = {"contract": CONTRACT, "graphs": GRAPHS}


def conformance(name: str, *, expected_failures: Mapping[str, str] | None = None) -> Callable[..., None]:
    """A parametrised test: two cases per example of the component, `contract` and `graphs` (the slower, through ONNX).

    expected_failures: {"check_bfloat16": "why"}; strict, so a check that passes after all fails the test.
    """
    reasons = dict(expected_failures or {})
    unknown = sorted(reasons.keys() - {check.__name__ for check in CHECKS})
    if unknown:
        raise ValueError(f"no such checks: {unknown}; there are {sorted(check.__name__ for check in CHECKS)}")
    component = load_registry().resolve(name)
    cases = subjects(component)
    groups = GROUPS if component.spec.kind in LAYER_KINDS else {"contract": checks_of(component.spec.kind)}

    @pytest.mark.parametrize("group", list(groups))
    @pytest.mark.parametrize("subject", cases, ids=lambda subject: subject.name)
    def test(subject: Subject, group: str) -> None:
        outcomes = [run_check(check, subject, reasons.get(check.__name__, "")) for check in groups[group]]
        print(summary(outcomes))
        failed = [str(outcome) for outcome in outcomes if outcome.result == "failed"]
        if failed:
            pytest.fail("\n".join(failed), pytrace=False)
        if groups is GROUPS and group == "contract" and too_few(outcomes):
            pytest.fail(f"{summary(outcomes)}: too few checks had something to look at", pytrace=False)

    return test
