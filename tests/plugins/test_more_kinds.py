"""Losses, metrics, heads, tokenisers, sources and tasks of third parties: registered, found and used."""

from __future__ import annotations

import math

import pytest
import torch

from seqhub.api import LossSpec, MetricSpec, Use
from seqhub.assembly.plan import check_recipe
from seqhub.errors import PluginError, RecipeError
from seqhub.recipe.dump import dump_yaml
from seqhub.recipe.resolve import resolved
from seqhub.recipe.uses import metrics_of, recipe_uses
from seqhub.tasks.losses import PLAIN, build_loss
from seqhub.tasks.measures import build_metrics
from seqhub.training.environment import providers
from seqhub.training.parts import build_task, monitored

PLUGIN = """
from seqhub.api import (Config, HeadSpec, LossSpec, MetricSpec, SourceSpec, TaskSpec, TokenizerSpec, config, hookimpl,
    option)

@config
class PowerConfig(Config):
    power: float = option(1.5, gt=0, help="exponent")

def spec(cls, name, **more):
    return cls(name=name, target="acme.cells:" + name.capitalize(), config=Config, summary=name, **more)

@hookimpl
def seqhub_register_losses():
    yield LossSpec(name="power", target="acme.cells:Power", config=PowerConfig, summary="|e|^power.")
    yield spec(LossSpec, "cross", on="classes")

@hookimpl
def seqhub_register_metrics():
    yield spec(MetricSpec, "within", better="max")

@hookimpl
def seqhub_register_heads():
    yield spec(HeadSpec, "mixture")

@hookimpl
def seqhub_register_tokenizers():
    yield spec(TokenizerSpec, "syllables")

@hookimpl
def seqhub_register_sources():
    yield spec(SourceSpec, "morse")

@hookimpl
def seqhub_register_tasks():
    yield spec(TaskSpec, "denoise")
"""
TARGETS = """
class Power:
    def __init__(self, *, power):
        self.power = power
    def __call__(self, prediction, target):
        return (prediction - target).abs() ** self.power

class Within:
    def __init__(self):
        self.hits = self.all = 0
    def update(self, answer, truth):
        self.hits += int(((answer - truth).abs() < 10).sum())
        self.all += truth.numel()
    def compute(self):
        return self.hits / self.all
"""
RECIPE = """
recipe: 1
name: plain
task:
  type: forecast
  lookback: 8
  loss: {type: power, power: 3}
  metrics: [within, max-error]
data: {source: sunspots, target: [sunspots]}
model: {width: 4, blocks: [{type: mlp}]}
train: {monitor: within}
expect: {within: ">= 0", max-error: "<= 1e9"}
"""
KINDS = {
    "loss": "power",
    "metric": "within",
    "head": "mixture",
    "tokenizer": "syllables",
    "source": "morse",
    "task": "denoise",
}


@pytest.fixture
def acme(site):
    site.add("acme", PLUGIN)
    (site.folder / "acme" / "cells.py").write_text(TARGETS)
    return site


def checked(site, registry, text):
    path = site.folder / "r.yaml"
    path.write_text(text)
    return check_recipe(path, registry)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_registered_and_found_by_name(acme, load, kind):
    registry, told = load()
    assert not [line for line in told if "acme" in line]
    component = registry.resolve(KINDS[kind], (kind,))
    assert (component.ref, component.spec.kind) == (f"acme/{KINDS[kind]}", kind)
    with pytest.raises(PluginError, match=f"no {kind} 'nothing-of-the-sort'"):
        registry.resolve("nothing-of-the-sort", (kind,))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("loss", "huber"), ("metric", "max-error"), ("tokenizer", "chars"), ("source", "csv"), ("task", "forecast")],
)
def test_the_core_registers_its_own_by_the_same_hooks(load, kind, name):
    assert load()[0].resolve(name, (kind,)).ref == f"seqhub/{name}"


def test_a_recipe_uses_a_third_partys_loss_and_metric(acme, load):
    recipe = checked(acme, load()[0], RECIPE)
    loss, within, largest = recipe_uses(recipe)
    assert [use.ref for use in (loss, within, largest)] == ["acme/power", "acme/within", "seqhub/max-error"]
    assert {"acme/power==1.0", "acme/within==1.0"} <= set(providers(recipe))
    assert monitored(recipe, True) == ("valid_within", "max")
    task = build_task(recipe)
    task.prepare()
    items = task.dataset("test")
    batch = task.collate([items[i] for i in range(len(items))])
    y = torch.zeros(len(batch.lengths), 8, 1)
    y[:, -1] = batch.target.flatten(1) + 2 * torch.tensor(task.ends.output_scale)
    total, count = task.loss(y, batch.lengths, batch)
    assert float(total / count) == pytest.approx(8.0, rel=1e-4)  # 2^3
    scores = task.metrics()
    scores.update(batch.target.flatten(1) + 4, batch)
    found = scores.compute()
    assert (found["within"], found["max-error"]) == (1.0, pytest.approx(4.0, rel=1e-4))


def test_the_resolved_recipe_names_them_exactly_and_reads_back(acme, load):
    registry = load()[0]
    recipe = checked(acme, registry, RECIPE)
    assert resolved(recipe)["task"]["loss"] == {"type": "acme/power", "power": 3.0}
    assert resolved(recipe)["task"]["metrics"] == ["acme/within", "seqhub/max-error"]
    assert resolved(checked(acme, registry, dump_yaml(resolved(recipe)))) == resolved(recipe)


@pytest.mark.parametrize(
    ("old", "new", "code", "says", "fix"),
    [
        ("power: 3", "power: 0", "E104", "above 0", ""),
        ("{type: power, power: 3}", "powr", "E103", "no loss 'powr' is installed", "did you mean 'power'?"),
        ("{type: power, power: 3}", "cross", "E114", "'cross' compares classes, and numbers", "name a loss of numbers"),
        ("power: 3", "powr: 3", "E102", "unknown key 'task.loss.powr'", "did you mean 'power'?"),
        ("[within, max-error]", "[within, within]", "E114", "names 'within' twice", "name it once"),
        ("[within, max-error]", "within", "E104", "a list, each entry a metric", ""),
        ("[within, max-error]", "[max-error]", "E208", "no metric 'within'", "add it to the task: metrics: [within]"),
        ("[within, max-error]", "[power]", "E103", "'power' is of the kind loss, where a metric is wanted", ""),
        ("monitor: within", "monitor: withn", "E210", "no metric 'withn'", "did you mean 'within'?"),
    ],
)
def test_what_is_wrong_is_found_before_any_data(acme, load, old, new, code, says, fix):
    with pytest.raises(RecipeError) as caught:
        checked(acme, load()[0], RECIPE.replace(old, new))
    problem = next(p for p in caught.value.problems if p.code == code)
    assert says in problem.message
    assert fix in problem.fix
    assert problem.place.line > 1


def test_the_better_side_comes_from_the_metric(acme, load):
    recipe = checked(acme, load()[0], RECIPE.replace('within: ">= 0"', 'within: "<= 1"'))
    (warning,) = recipe.warnings
    assert (warning.code, "better when higher" in warning.message) == ("W102", True)
    better = metrics_of(recipe.task.component.spec, recipe.task.options)
    assert (better["within"], better["max-error"], better["mae"]) == ("max", "min", "min")


def test_a_deprecated_loss_is_warned_of_with_its_line(site, load):
    site.add("acme", PLUGIN.replace('summary="|e|^power."', 'summary="|e|^power.", deprecated="use huber"'))
    recipe = checked(site, load()[0], RECIPE)
    (warning,) = recipe.warnings
    assert (warning.code, warning.fix, warning.place.line) == ("W101", "use huber", 7)


@pytest.mark.parametrize(
    ("name", "options", "error", "expected"),
    [
        ("mse", {}, 3.0, 9.0),
        ("mae", {}, -3.0, 3.0),
        ("huber", {"delta": 1.0}, 3.0, 2.5),
        ("huber", {"delta": 2.0}, 3.0, 4.0),
        ("huber", {"delta": 1.0}, 0.5, 0.125),
        ("log-cosh", {}, 1.5, math.log(math.cosh(1.5))),
        ("log-cosh", {}, -200.0, 200.0 - math.log(2)),
    ],
)
def test_the_cores_losses(load, name, options, error, expected):
    component = load()[0].resolve(name, ("loss",))
    loss = build_loss(Use(component.spec, component.spec.config(**options), component.dist, component.version))
    got = loss(torch.tensor([error, 0.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    assert got.tolist() == [pytest.approx(expected), 0.0]


def test_the_cores_metrics_do_not_depend_on_the_batches():
    answer, truth = torch.randn(10, 2, dtype=torch.float64), torch.randn(10, 2, dtype=torch.float64)
    whole, parts = build_metrics(("max-error", "bias")), build_metrics(("max-error", "bias"))
    for name in whole:
        whole[name].update(answer, truth)
        parts[name].update(answer[:3], truth[:3])
        parts[name].update(answer[3:], truth[3:])
    gap = answer - truth
    assert whole["max-error"].compute() == pytest.approx(float(gap.abs().amax(0).mean()))
    assert whole["bias"].compute() == pytest.approx(abs(float(gap.mean())))
    assert {n: m.compute() for n, m in parts.items()} == pytest.approx({n: m.compute() for n, m in whole.items()})
    assert math.isnan(build_metrics(("bias",))["bias"].compute())


def test_a_bare_name_is_one_of_the_cores(load):
    registered = {c.spec.name for c in load()[0].components("loss") if c.dist == "seqhub" and c.spec.on == "numbers"}
    assert set(PLAIN) <= registered
    with pytest.raises(ValueError, match="there is no loss 'power' here"):
        build_loss("power")
    with pytest.raises(ValueError, match="there is no metric 'within' here"):
        build_metrics(("within",))


@pytest.mark.parametrize(
    ("cls", "changes", "says"),
    [(LossSpec, {"on": "things"}, "on 'things' is not one of"), (MetricSpec, {"better": "low"}, "better 'low'")],
)
def test_a_wrong_spec_is_told(cls, changes, says):
    from seqhub.api import Config
    from seqhub.plugins.checks import spec_problems

    (problem,) = spec_problems([cls(name="x", target="a:B", config=Config, summary="s", **changes)])
    assert says in problem


def test_a_component_that_cannot_be_imported(load):
    from seqhub.api import Config

    spec = LossSpec(name="x", target="no_such_package:X", config=Config, summary="s")
    with pytest.raises(PluginError, match="'acme/x' cannot be loaded") as caught:
        Use(spec, Config(), "acme", "1.0").build()
    assert caught.value.problems[0].code == "E605"


def test_public_names_for_sources_and_tasks_load_nothing_until_they_are_used():
    import subprocess
    import sys

    program = (
        "import sys, seqhub.data, seqhub.tasks\n"
        "assert not {'numpy', 'torch'} & set(sys.modules)\n"
        "import seqhub.data\n"
        "from seqhub.data import Batch, Sequences, Source, Table\n"
        "from seqhub.tasks import Scores, Task\n"
        "print(Table.__name__, Task.__name__, hasattr(seqhub.data, 'nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Table Task False"


HEAD = """
import torch
from torch import nn
from seqhub.nn import WHOLE, SequenceLayer, identity, zero_padding

class Mixture(SequenceLayer):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, identity(d_out))
        self.share, self.parts = nn.Linear(d_in, 2), nn.Linear(d_in, 2 * d_out)

    def forward(self, x, lengths, state, memory=None, ctx=WHOLE):
        x = zero_padding(x, lengths)
        parts = self.parts(x).unflatten(-1, (2, -1))
        y = (self.share(x).softmax(-1)[..., None] * parts).sum(-2)
        return zero_padding(y, lengths), lengths, {}

class Wide(Mixture):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out + 1)
"""
HEADED = """
recipe: 1
name: headed
task: {type: forecast, lookback: 8}
data: {source: sunspots, target: [sunspots]}
model: {width: 4, head: mixture, blocks: [{type: mlp}]}
"""


def built(site, registry, text):
    """The model of a recipe whose task has one column and one output a step."""
    from seqhub.assembly.build import build_model
    from seqhub.assembly.plan import plan_model

    recipe = checked(site, registry, text)
    task = build_task(recipe)
    task.prepare()
    return recipe, build_model(plan_model(recipe), task.ends)


def test_a_third_partys_head_stands_before_the_outputs(acme, load):
    (acme.folder / "acme" / "cells.py").write_text(HEAD)
    registry = load()[0]
    recipe, model = built(acme, registry, HEADED)
    assert type(model.stack["head"]).__name__ == "Mixture"
    assert "acme/mixture==1.0" in providers(recipe)
    assert resolved(recipe)["model"]["head"] == "acme/mixture"
    y, lengths, _ = model(torch.full((2, 8, 1), 50.0), torch.tensor([8, 3]), model.initial_state(2))
    assert (tuple(y.shape), lengths.tolist(), bool(y.isfinite().all())) == ((2, 8, 1), [8, 3], True)


def test_the_cores_head_by_its_equation(site, load):
    text = HEADED.replace("head: mixture", "head: {type: perceptron, hidden: 5, activation: tanh}")
    recipe, model = built(site, load()[0], text)
    assert resolved(recipe)["model"]["head"] == {"type": "seqhub/perceptron", "hidden": 5, "activation": "tanh"}
    head, x = model.stack["head"], torch.randn(1, 3, 4)
    y = head(x, torch.tensor([3]), {})[0]
    torch.testing.assert_close(y, torch.tanh(x @ head.inner.weight.T + head.inner.bias) @ head.outer.weight.T)


def test_without_a_head_the_recipe_and_the_model_are_as_they_were(site, load):
    recipe, model = built(site, load()[0], HEADED.replace("head: mixture, ", ""))
    assert "head" not in resolved(recipe)["model"]
    assert type(model.stack["head"]).__name__ == "Linear"


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [("Wide", "E621", "a head gives 1 numbers for each step"), ("dict", "E622", "which is no seqhub.nn.SequenceLayer")],
)
def test_a_head_that_is_none(acme, load, code, error, says):
    made = "def Mixture(d_in, d_out):\n    return {}\n" if code == "dict" else HEAD.replace("Mixture(S", "Plain(S")
    made = made if code == "dict" else made.replace("Wide(Mixture)", "Mixture(Plain)")
    (acme.folder / "acme" / "cells.py").write_text(made)
    with pytest.raises(PluginError, match=says) as caught:
        built(acme, load()[0], HEADED)
    assert caught.value.problems[0].code == error


def test_a_task_with_a_head_of_its_own_takes_no_other(site, load):
    import dataclasses

    from seqhub.assembly.build import build_model
    from seqhub.assembly.plan import plan_model

    recipe = checked(site, load()[0], HEADED.replace("mixture", "perceptron"))
    task = build_task(recipe)
    task.prepare()
    shifts = {"output_shift": (0.0,) * 6, "output_scale": (1.0,) * 6, "output_names": ("a", "b")}
    ends = dataclasses.replace(task.ends, head="crf", outputs=(3, 2), anchor=(), **shifts)
    with pytest.raises(RecipeError, match="the task brings a crf head") as caught:
        build_model(plan_model(recipe), ends)
    assert caught.value.problems[0].code == "E215"
