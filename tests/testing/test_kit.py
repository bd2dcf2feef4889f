"""The kit catches what it is for, passes what is right, counts what it did, and falls when its checks vanish."""

from __future__ import annotations

import pytest

from seqhub.testing import contract, portable, suite
from seqhub.testing.subject import NotApplicable
from seqhub.testing.suite import CHECKS, Outcome, run_check, run_checks, summary, too_few
from tests.testing.broken import CELLS, LAYERS, GoodConv, subject_of

BY_NAME = {check.__name__: check for check in CHECKS}
TORCH_CHECKS = [check for check in CHECKS if "graph" not in check.__name__]


@pytest.mark.parametrize(("cls", "meant"), [*LAYERS.items(), *CELLS.items()], ids=lambda v: getattr(v, "__name__", v))
def test_each_broken_component_is_caught_by_its_check(cls, meant):
    outcome = run_check(BY_NAME[meant], subject_of(cls))
    assert outcome.result == "failed", str(outcome)


def test_the_component_they_are_made_from_passes_everything():
    outcomes = [run_check(check, subject_of(GoodConv)) for check in TORCH_CHECKS]
    assert [str(o) for o in outcomes if o.result == "failed"] == []
    assert not too_few(outcomes)


def test_an_expected_failure_is_strict():
    broken, good = subject_of(next(iter(LAYERS))), subject_of(GoodConv)
    assert run_check(contract.check_padding, broken, "a reason").result == "expected failure"
    outcome = run_check(contract.check_padding, good, "a reason")
    assert outcome.result == "failed"
    assert "passes, but is expected to fail: a reason" in outcome.detail


def test_an_exception_in_a_component_is_a_failure_of_its_check_only():
    def check_explodes(subject):
        raise ZeroDivisionError("inside the component")

    outcome = run_check(check_explodes, subject_of(GoodConv))
    assert (outcome.result, outcome.detail) == ("failed", "ZeroDivisionError: inside the component")


def test_counts_are_printed_and_a_collapse_is_noticed():
    outcomes = run_checks("min-gru", checks=[portable.check_options, contract.check_shapes])
    assert summary(outcomes) == ("seqhub-cells/min-gru: 4 checks, 4 passed, 0 failed, 0 expected failures, 0 n/a")
    assert too_few(outcomes) == sorted({o.subject for o in outcomes})
    full = [Outcome("a", f"c{i}", "passed") for i in range(suite.MIN_APPLICABLE)]
    assert too_few(full) == []
    assert too_few([*full[:-1], Outcome("a", "x", "n/a")]) == ["a"]


def test_checks_that_have_nothing_to_look_at_say_why():
    def check_nothing(subject):
        raise NotApplicable("no such thing here")

    assert str(run_check(check_nothing, subject_of(GoodConv))).endswith("nothing: n/a (no such thing here)")
