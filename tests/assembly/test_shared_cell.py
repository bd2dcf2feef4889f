"""`cell_of`: a head that steps with the cell of a block, and every block that it cannot share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.cost import model_costs
from seqhub.assembly.plan import check_recipe
from seqhub.errors import RecipeError
from seqhub.nn import WHOLE, Ends
from seqhub.nn.per_segment import PerSegmentHead
from seqhub.plugins import load_registry

RECIPE = """\
recipe: 1
name: t
task: {{type: forecast, lookback: 8, horizon: 6}}
data: {{source: {{type: co2}}, target: [co2], missing: interpolate}}
model:
  width: 4
  causal: false
  head: {{type: per-segment, length: 2, cell_of: {of}}}
  blocks:
    - {block}
train: {{epochs: 1, batch: 4}}
export: {{graphs: [full]}}
"""
ENDS = Ends(
    features=("co2",),
    outputs=(6, 1),
    output_names=("co2",),
    input_shift=(0.0,),
    input_scale=(1.0,),
    output_shift=(0.0,) * 6,
    output_scale=(1.0,) * 6,
)


def plan_of(folder: Path, block: str, of: str = "reader"):
    path = folder / "r.yaml"
    path.write_text(RECIPE.format(block=block, of=of), encoding="utf-8")
    return check_recipe(path, load_registry())[1]


def build(folder: Path, block: str, of: str = "reader"):
    return build_model(plan_of(folder, block, of), ENDS)


CELLS = ["gru, hidden: 4", "gru, hidden: 4, reset: before", "rnn, hidden: 4", "mgu, hidden: 4", "min-gru, hidden: 4"]


@pytest.mark.parametrize("cell", CELLS)
def test_a_segment_is_one_more_step_of_the_blocks_cell(tmp_path, cell):
    torch.manual_seed(3)
    model = build(tmp_path, f"{{type: {cell}, name: reader}}").double()
    recurrent, head = model.stack["reader"], model.stack["head"]
    assert isinstance(head, PerSegmentHead)
    assert head.cell is recurrent.cell
    x = torch.randn(2, 5, 4, dtype=torch.float64)
    lengths = torch.tensor([5, 5])
    y, _, _ = head(x, lengths, {})
    for segment, position in enumerate(head.position):
        place = torch.cat((position, head.column[0])).expand(2, 1, 4)
        for step in range(5):
            state = dict.fromkeys(recurrent.cell.slots, x[:, step])
            one, _, _ = recurrent(place, torch.tensor([1, 1]), state, None, WHOLE)  # the layer itself, from that state
            torch.testing.assert_close(y[:, step, 2 * segment : 2 * segment + 2], head.linear(one[:, 0]))


def test_its_weights_are_counted_and_trained_once(tmp_path):
    shared = build(tmp_path, "{type: gru, hidden: 4, name: reader}")
    apart = build(tmp_path, "{type: gru, hidden: 4, name: reader}", of="null")

    def size(model):
        return sum(p.numel() for p in model.parameters())

    assert size(apart) - size(shared) == 2 * (4 * 12 + 12)
    weight = shared.stack["reader"].cell.h_proj.weight
    x, lengths = torch.randn(2, 8, 1), torch.tensor([8, 8])
    shared(x, lengths, shared.initial_state(2))[0].sum().backward()
    both = weight.grad.clone()
    hidden = shared.stack["reader"](torch.randn(2, 8, 4), lengths, shared.stack["reader"].initial_state(2))[0]
    weight.grad = None
    shared.stack["head"](hidden.detach(), lengths, {})[0].sum().backward()
    assert weight.grad.abs().max() > 0  # the head's own share
    assert not torch.equal(both, weight.grad)


@pytest.mark.parametrize("of", ["reader", "null"])
def test_the_rows_of_explain_count_each_weight_once(tmp_path, of):
    plan = plan_of(tmp_path, "{type: gru, hidden: 4, name: reader}", of)
    model, rows = model_costs(plan, ENDS)
    assert sum(row.parameters for row in rows if row.depth == 0) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("block", "of", "says"),
    [
        ("{type: gru, hidden: 4, name: reader}", "raeder", "no block 'raeder' that is a recurrent cell"),
        ("{type: linear, width: 4, name: reader}", "reader", "no block 'reader' that is a recurrent cell"),
        ("{type: gru, hidden: 4, name: reader, direction: reverse}", "reader", "'reader' does not read forward"),
        (
            "{type: gru, hidden: 2, name: reader, direction: bidirectional}",
            "reader",
            "'reader' does not read forward",
        ),
        ("{type: repeat, times: 2, blocks: [{type: gru, hidden: 4, name: reader}]}", "reader", "makes 2 cells of"),
        (
            "{type: lstm, hidden: 4, name: reader}",
            "reader",
            r"one slot of width 4, but the cell carries h \[4\], c \[4\]",
        ),
        (
            "{type: residual, project: true, blocks: [{type: gru, hidden: 6, name: reader}, {type: linear, width: 4}]}",
            "reader",
            "a cell from width 4 to 6 does not suit columns of width 4",
        ),
    ],
)
def test_what_cannot_be_shared_is_told_with_its_place(tmp_path, block, of, says):
    with pytest.raises(RecipeError, match=says) as caught:
        build(tmp_path, block, of)
    (problem,) = caught.value.problems
    assert problem.code == "E215"
    assert problem.place.line == 8
    assert problem.fix


def test_the_nearest_cell_is_named(tmp_path):
    with pytest.raises(RecipeError) as caught:
        build(tmp_path, "{type: gru, hidden: 4, name: reader}", of="raeder")
    assert caught.value.problems[0].fix == "did you mean 'reader'?"
