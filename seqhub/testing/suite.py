"""All checks of a component, run and counted.

    for outcome in run_checks("seqhub-acme/mgu"): print(outcome)

A check passes, fails, or has nothing to look at; an expected failure needs a reason, and fails the suite when it
passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from seqhub.plugins import Component, load_registry
from seqhub.testing import cells, contract, gradients, graphs, memories, parts, portable
from seqhub.testing.subject import CheckFailed, NotApplicable, Subject

Check = Callable[[Subject], None]
Result = Literal["passed", "failed", "expected failure", "n/a"]

CONTRACT: tuple[Check, ...] = (
    portable.check_options,
    portable.check_seed,
    portable.check_save_load,
    portable.check_bfloat16,
    contract.check_geometry,
    contract.check_shapes,
    contract.check_chunks_equal_whole,
    contract.check_chunk_gradients,
    contract.check_padding,
    contract.check_rows_independent,
    contract.check_idle_rows,
    contract.check_pure,
    gradients.check_receptive_field,
    gradients.check_parameters_used,
    gradients.check_gradients,
    memories.check_memory_padding,
    memories.check_memory_gradients,
    memories.check_memory_is_needed,
    cells.check_step_is_pure,
    cells.check_native_equals_step,
    cells.check_parallel_equals_sequential,
    cells.check_bidirectional,
    cells.check_reset,
)
GRAPHS: tuple[Check, ...] = (graphs.check_full_graph, graphs.check_stream_graph)
CHECKS = CONTRACT + GRAPHS
LAYER_KINDS = ("cell", "attention", "encoder", "block", "head")
# Fewer contract checks than this with something to look at means that the suite itself broke: a layer without
# parameters and state that reads whole sequences has as many.
MIN_APPLICABLE = 10


@dataclass(frozen=True)
class Outcome:
    """What became of one check of one subject."""

    subject: str
    check: str
    result: Result
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.check}: {self.result}" + (f" ({self.detail})" if self.detail else "")


def checks_of(kind: str, *, graphs: bool = True) -> tuple[Check, ...]:
    """What is checked of a component of this kind."""
    if kind in LAYER_KINDS:
        return CHECKS if graphs else CONTRACT
    return parts.CHECKS[kind]


def subjects(component: Component) -> tuple[Subject, ...]:
    """One subject per example of the spec; ValueError where the spec of a layer gives none. What needs no option is
    its own example; sources and tasks, which need data, are looked at once.
    """
    spec = component.spec
    if spec.kind not in LAYER_KINDS and (spec.kind in ("source", "task") or not spec.examples):
        return (Subject(spec, component.ref),)
    if not spec.examples:
        raise ValueError(
            f"{component.ref}: its spec gives no examples; add examples=({{...}},) with the options to check"
        )
    return tuple(Subject(spec, component.ref, options) for options in spec.examples)


def run_check(check: Check, subject: Subject, expected_failure: str = "") -> Outcome:
    """One check of one subject; what it raises becomes its outcome."""
    name = check.__name__.removeprefix("check_")
    try:
        check(subject)
    except NotApplicable as reason:
        return Outcome(subject.name, name, "n/a", str(reason))
    except CheckFailed as failure:
        detail = str(failure)
    except Exception as error:  # a component may raise anything; the suite reports it and goes on
        detail = f"{type(error).__name__}: {error}"
    else:
        if expected_failure:
            return Outcome(subject.name, name, "failed", f"passes, but is expected to fail: {expected_failure}")
        return Outcome(subject.name, name, "passed")
    if expected_failure:
        return Outcome(subject.name, name, "expected failure", expected_failure)
    return Outcome(subject.name, name, "failed", detail)


def run_checks(
    name: str, *, expected_failures: Mapping[str, str] | None = None, checks: Iterable[Check] | None = None
) -> list[Outcome]:
    """Every check of every example of the component `name`, as installed."""
    reasons = dict(expected_failures or {})
    component = load_registry().resolve(name)
    chosen = checks_of(component.spec.kind) if checks is None else tuple(checks)
    return [
        run_check(check, subject, reasons.get(check.__name__, ""))
        for subject in subjects(component)
        for check in chosen
    ]


def summary(outcomes: Iterable[Outcome]) -> str:
    """`gru: 66 checks, 60 passed, 0 failed, 0 expected failures, 6 n/a`."""
    found = list(outcomes)
    counts = Counter(outcome.result for outcome in found)
    names = sorted({outcome.subject.partition("(")[0] for outcome in found})
    return (
        f"{', '.join(names)}: {len(found)} checks, {counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['expected failure']} expected failures, {counts['n/a']} n/a"
    )


def too_few(outcomes: Iterable[Outcome]) -> list[str]:
    """Subjects for which so few checks had something to look at that a pass says little."""
    looked = Counter(outcome.subject for outcome in outcomes if outcome.result != "n/a")
    return sorted(subject for subject, count in looked.items() if count < MIN_APPLICABLE)
