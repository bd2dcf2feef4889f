"""The claim of `seqhub bench hybrid`, trained: one seed and one rate of what the documentation shows in full."""

from __future__ import annotations

import pytest

from seqhub.bench.hybrid import HybridOptions, hybrid_cases
from seqhub.bench.trial import run_trial
from seqhub.plugins import load_registry


@pytest.mark.slow
def test_the_hybrid_solves_what_neither_part_solves_alone():
    registry = load_registry()
    options = HybridOptions(rates=(1e-2,), seeds=(7,), steps=300, items=256)
    cases = {(case.entry.name, case.puzzle.name): case for case in hybrid_cases(options, registry)}

    def score(who: str, task: str) -> float:
        case = cases[who, task]
        length = case.lengths[0]
        outcome = run_trial(case.entry, case.puzzle, registry, case.budget, rate=1e-2, seed=7, lengths=(length,))
        return outcome.scores[length]

    assert score("hybrid", "parity") >= 0.99
    assert score("hybrid", "mqar") >= 0.99
    assert score("rnn", "mqar") < 0.5
    assert score("attention", "parity") < 0.6
