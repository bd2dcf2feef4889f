"""From a recipe's text to modules: first values, noise, names of the state, and what only building can refuse."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest
import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import check_recipe
from seqhub.errors import RecipeError
from seqhub.nn import Ends, Recurrent
from seqhub.nn.init import NAMES
from seqhub.plugins import load_registry
from seqhub.recipe.fields import options_of
from seqhub.recipe.types import InitOptions

HEAD = """\
recipe: 1
name: t
task: {type: forecast, lookback: 8, horizon: 2}
data: {source: {type: co2}, target: [co2], missing: interpolate}
model:
  width: 6
  causal: false
  blocks:
"""
TAIL = "train: {epochs: 1, batch: 4}\nexport: {graphs: [full]}\n"
ENDS = Ends(
    features=("co2",),
    outputs=(2, 1),
    output_names=("co2",),
    input_shift=(0.0,),
    input_scale=(1.0,),
    output_shift=(0.0, 0.0),
    output_scale=(1.0, 1.0),
)


def build(tmp_path: Path, blocks: str):
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in blocks.splitlines()) + TAIL, encoding="utf-8")
    _, plan = check_recipe(path, load_registry())
    return build_model(plan, ENDS)


def recurrent(model, name: str) -> Recurrent:
    layer = model.stack[name]
    assert isinstance(layer, Recurrent)
    return layer


def test_state_is_named_by_the_blocks_of_the_recipe(tmp_path):
    blocks = """\
- {type: conv1d, channels: 6, kernel: 3, dropout: 0.1}
- {type: residual, repeat: 2, blocks: [{type: gru, hidden: 6, name: memory}]}
- {type: parallel, branches: [[{type: min-gru, hidden: 2}], [{type: lstm, hidden: 3, repeat: 2}]]}
"""
    model = build(tmp_path, blocks)
    assert list(model.state) == [
        "block0.x",
        "block1.r0.0.inner.memory.h",
        "block1.r1.0.inner.memory.h",
        "block2.branch0.b0.0.h",
        "block2.branch1.b1.0.r0.0.h",
        "block2.branch1.b1.0.r0.0.c",
        "block2.branch1.b1.0.r1.0.h",
        "block2.branch1.b1.0.r1.0.c",
    ]
    assert model.geometry.past == float("inf")


def test_first_values_by_name_reach_both_directions(tmp_path):
    init = "{recurrent: identity, forget: forget-bias, value: 3.0}"
    model = build(tmp_path, f"- {{type: lstm, hidden: 6, direction: bidirectional, init: {init}}}")
    layer = recurrent(model, "block0")
    for cell in (layer.cell, layer.backward_cell):
        for gate in cell.h_proj.weight.chunk(4):
            assert torch.equal(gate, torch.eye(6))
        assert torch.equal(cell.x_proj.bias.chunk(4)[1], torch.full((6,), 3.0))


def test_noise_is_passed_on_and_off_in_evaluation(tmp_path):
    model = build(tmp_path, "- {type: gru, hidden: 6, recurrent_dropout: 0.5, zoneout: 0.25, input_dropout: 0.5}")
    x, lengths = torch.randn(2, 7, 1), torch.tensor([7, 5])
    model.train()
    first, second = (model(x, lengths, model.initial_state(2))[0] for _ in range(2))
    assert (first - second).abs().max() > 1e-4
    model.eval()
    first, second = (model(x, lengths, model.initial_state(2))[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("{type: min-gru, hidden: 6, init: {recurrent: orthogonal}}", "recurrent"),
        ("{type: gla, hidden: 6, heads: 2, zoneout: 0.1}", "zoneout"),
        ("{type: lstm-projected, hidden: 6, projection: 4, init: {recurrent: identity}}", "square"),
    ],
)
def test_what_a_cell_has_nothing_for_is_refused_with_its_line(tmp_path, block, says):
    with pytest.raises(RecipeError) as caught:
        build(tmp_path, f"- {{type: norm}}\n- {block}")
    problem = caught.value.problems[0]
    assert problem.code == "E212"
    assert says in problem.message
    assert (problem.place.line, problem.place.file.endswith("r.yaml")) == (10, True)


def test_the_names_in_recipes_are_those_of_the_library():
    for kind, names in NAMES.items():
        literal = typing.get_args(options_of(InitOptions)[kind].annotation)[0]
        assert set(typing.get_args(literal)) == set(names), kind
