"""The checks of losses, metrics, tokenisers, sources and tasks, and of heads; each against one that is broken."""

from __future__ import annotations

import pytest
import torch

from seqhub.api import Config, HeadSpec, LossSpec, MetricSpec, SourceSpec, TaskSpec, TokenizerSpec
from seqhub.geometry import identity
from seqhub.nn import SequenceLayer
from seqhub.plugins import load_registry
from seqhub.tasks import Task
from seqhub.testing import parts
from seqhub.testing.subject import Subject
from seqhub.testing.suite import checks_of, run_check, subjects, too_few
from seqhub.text.tokenizers import Words

SPECS = {
    "loss": LossSpec,
    "metric": MetricSpec,
    "tokenizer": TokenizerSpec,
    "source": SourceSpec,
    "task": TaskSpec,
    "head": HeadSpec,
}


class Averaged:
    def __call__(self, prediction, target):
        return (prediction - target).square().mean()


class Leaning:
    def __call__(self, prediction, target):
        return (prediction - target - 4).square()


class Rooted:
    def __call__(self, prediction, target):
        return (prediction - target).square().sum(-1, keepdim=True).sqrt().expand_as(target)


class Cut:
    def __call__(self, prediction, target):
        return (prediction.detach() - target).abs() + 0 * prediction


class LastBatch:
    def update(self, answer, truth):
        self.score = float((answer - truth).abs().mean())

    def compute(self):
        return self.score


class Upside:
    def __init__(self):
        self.worst = 0.0

    def update(self, answer, truth):
        self.worst = max(self.worst, float((answer - truth).abs().max()))

    def compute(self):
        return -self.worst


class Forgets(Words):
    def load(self, vocabulary):
        super().load({**vocabulary, "tokens": list(vocabulary["tokens"])[::-1]})


class Stuck(Words):
    def encode(self, text):
        return [7] * len(text)


class Overflowing(Words):
    def encode(self, text):
        return [number + 1000 for number in super().encode(text)]

    def decode(self, ids):
        return super().decode([number - 1000 for number in ids])


class Greedy(Words):
    def __init__(self, **options):
        super().__init__()


class Unread:
    def __init__(self, config, base_dir):
        self.config = config


class HalfATask(Task):
    def prepare(self):
        return None


class Slow(SequenceLayer):
    """A head that gives every output a step late, and NaN of padding."""

    def __init__(self, d_in, d_out):
        super().__init__(d_in, identity(d_out))
        self.map = torch.nn.Linear(d_in, d_out)

    def forward(self, x, lengths, state, memory=None, ctx=None):
        return torch.roll(self.map(x), 1, dims=1), lengths, {}


BROKEN = [
    ("loss", Averaged, "loss_shape"),
    ("loss", Leaning, "loss_prefers_truth"),
    ("loss", Rooted, "loss_gradient"),
    ("loss", Cut, "loss_gradient"),
    ("metric", LastBatch, "metric_in_parts"),
    ("metric", Upside, "metric_prefers_truth"),
    ("tokenizer", Stuck, "tokens_round_trip"),
    ("tokenizer", Overflowing, "tokens_in_range"),
    ("tokenizer", Forgets, "tokens_saved"),
    ("tokenizer", Greedy, "options"),
    ("source", Unread, "target"),
    ("task", HalfATask, "target"),
    ("head", Slow, "padding"),
    ("head", Slow, "chunks_equal_whole"),
]


@pytest.mark.parametrize(("kind", "cls", "check"), BROKEN)
def test_each_broken_part_is_caught_by_the_check_meant_for_it(kind, cls, check):
    spec = SPECS[kind](name="broken", target=f"{cls.__module__}:{cls.__qualname__}", config=Config, summary="x")
    by_name = {found.__name__: found for found in checks_of(kind, graphs=False)}
    outcome = run_check(by_name[f"check_{check}"], Subject(spec, "test/broken"))
    assert outcome.result == "failed", str(outcome)


@pytest.mark.parametrize("kind", [*parts.CHECKS, "head"])
def test_what_the_core_registers_passes(kind):
    components = [c for c in load_registry().components(kind) if c.dist == "seqhub"]
    assert components
    outcomes = [
        run_check(check, subject)
        for component in components
        for subject in subjects(component)
        for check in checks_of(kind, graphs=False)
    ]
    assert [str(outcome) for outcome in outcomes if outcome.result == "failed"] == []
    if kind == "head":
        assert too_few(outcomes) == []
    else:
        assert {outcome.result for outcome in outcomes} == {"passed"}
