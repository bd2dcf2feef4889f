"""One training: what it learns, that it is repeatable, and how it ends."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from seqhub.bench.budget import Budget
from seqhub.bench.entry import Entry, Mixer
from seqhub.bench.models import answers, build_entry
from seqhub.bench.puzzles import make_puzzle
from seqhub.bench.trial import Outcome, best_of, run_trial
from seqhub.errors import UsageError
from seqhub.plugins import load_registry

REGISTRY = load_registry()
LSTM = Entry("lstm", 16, (Mixer("lstm", {"hidden": 16}, mlp=0),))
PARITY = make_puzzle("parity", 4)


def trial(entry=LSTM, puzzle=PARITY, steps=6, rate=1e-2, seed=7, lengths=(6, 12), **budget):
    return run_trial(entry, puzzle, REGISTRY, Budget(steps, **budget), rate=rate, seed=seed, lengths=lengths)


def test_an_lstm_learns_parity_and_training_ends_once_that_is_sure():
    outcome = trial(steps=400, batch=32, checked=64, items=256)
    assert outcome.scores[6] >= 0.99
    assert outcome.steps < 400
    assert [score >= 0.99 for _, score in outcome.curve[-3:]] == [True] * 3
    assert not outcome.diverged


def test_a_seed_repeats_to_the_bit_and_leaves_the_generator_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again, other = trial(), trial(), trial(seed=8)
    assert torch.equal(torch.get_rng_state(), before)
    strip = {"seconds": 0.0}
    assert dataclasses.replace(first, **strip) == dataclasses.replace(again, **strip)
    assert first.loss != other.loss


def test_an_outcome_survives_json():
    outcome = trial()
    assert Outcome.from_dict(json.loads(json.dumps(outcome.as_dict()))) == outcome


def test_a_training_that_blows_up_ends_at_once_and_still_fits_json():
    outcome = trial(puzzle=make_puzzle("adding", 4), steps=50, rate=1e25)
    assert outcome.diverged
    assert outcome.steps < 50
    assert outcome.loss is None
    json.dumps(outcome.as_dict(), allow_nan=False)


def outcome_of(checked: float, steps: int = 100, *, rate: float = 1e-3, diverged: bool = False) -> Outcome:
    return Outcome(rate, checked, {8: 0.0}, ((steps, checked),), 0.1, steps, 1.0, 10, diverged)


def test_the_best_rate_is_chosen_by_the_last_check_then_by_the_steps_it_took():
    slow, fast, worse = outcome_of(0.9, 200), outcome_of(0.9, 100), outcome_of(0.8, 10)
    broken = outcome_of(0.99, diverged=True)
    assert best_of([slow, worse, fast, broken], PARITY) is fast
    adding = make_puzzle("adding", 4)
    assert best_of([slow, worse, fast], adding) is worse  # an error is better when it is lower
    assert best_of([broken], PARITY) is broken


def test_a_model_reads_each_token_apart_and_answers_every_step():
    puzzle = make_puzzle("mqar", 3)
    model = build_entry(LSTM, puzzle, REGISTRY)
    tokens = torch.arange(puzzle.tokens)[None].clamp(max=puzzle.tokens - 1)
    assert answers(model, tokens, puzzle).shape == (1, puzzle.tokens, puzzle.classes)
    embed = model.stack["embed"].module[0]
    assert embed.weight.shape == (16, puzzle.tokens)


def test_first_values_by_name_reach_the_cell():
    torch.manual_seed(0)
    plain = build_entry(LSTM, PARITY, REGISTRY)
    torch.manual_seed(0)
    chrono = Entry("c", 16, (Mixer("lstm", {"hidden": 16}, {"forget": "chrono", "steps": 1000}, mlp=0),))
    longer = build_entry(chrono, PARITY, REGISTRY)
    biases = [dict(model.named_parameters()) for model in (plain, longer)]
    (name,) = [name for name in biases[0] if name.endswith("bias") and biases[0][name].shape == (64,)][:1]
    assert biases[1][name].max() > biases[0][name].max() + 3  # log of some hundred steps


@pytest.mark.parametrize(
    ("mixer", "message"),
    [
        (Mixer("nothing"), "no block type 'nothing' is installed"),
        (Mixer("gru", {"hiden": 4}), "needs options that the bench does not know"),
        (Mixer("gru"), "needs options that the bench does not know"),
        (Mixer("attention", {"heads": 3}), "at width 16"),
    ],
)
def test_an_entry_that_cannot_be_built_is_refused_before_torch(mixer, message):
    with pytest.raises(UsageError, match=message):
        Entry("mine", 16, (mixer,)).check(REGISTRY)
