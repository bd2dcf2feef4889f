"""Structures built from a recipe: what reaches the layers, the names of their states, and what they cost."""

from __future__ import annotations

from pathlib import Path

import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.cost import model_costs
from seqhub.assembly.plan import ModelPlan, check_recipe
from seqhub.nn import Parallel, Resample, Residual, SequenceModel, SharedRepeat, Skip
from seqhub.plugins import load_registry
from tests.assembly.test_build import ENDS, HEAD, TAIL
from tests.nn.streams import worst_gap

BLOCKS = """\
- {type: linear, width: 6, name: early, dropout: 0.5}
- {type: conv1d, channels: 6, kernel: 3, padding: centred}
- type: residual
  norm: rms
  post_norm: true
  scale: 0.25
  learn_scale: channel
  blocks:
    - {type: gru, hidden: 6, name: memory, repeat: 2, share: true}
    - {type: skip, block: early, merge: mean}
- type: parallel
  merge: gated
  gate: sigmoid
  branches: [[], [{type: resample, factor: 2, keep: max, blocks: [{type: lstm, hidden: 6}]}]]
- type: reversible
  blocks: [{type: min-gru, hidden: 6}]
"""


def plan(tmp_path: Path) -> ModelPlan:
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in BLOCKS.splitlines()) + TAIL, encoding="utf-8")
    return check_recipe(path, load_registry())[1]


def model(tmp_path: Path) -> SequenceModel:
    torch.manual_seed(0)
    return build_model(plan(tmp_path), ENDS).eval()


def test_options_reach_the_layers(tmp_path):
    stack = model(tmp_path).stack
    residual, parallel = stack["block2"], stack["block3"]
    assert isinstance(residual, Residual)
    assert residual.post_norm
    assert isinstance(residual.norm, torch.nn.RMSNorm)
    assert residual.learnt.tolist() == [0.25] * 6
    assert isinstance(residual.inner["memory"], SharedRepeat)
    skip = residual.inner["1"]
    assert isinstance(skip, Skip)
    assert (skip.key, skip.merge) == ("early", "mean")
    assert isinstance(parallel, Parallel)
    assert parallel.gate.kind == "sigmoid"
    resample = parallel.branches[1]["b1.0"]
    assert isinstance(resample, Resample)
    assert (resample.factor, resample.keep) == (2, "max")


def test_states_are_named_by_the_blocks_of_the_recipe(tmp_path):
    assert list(model(tmp_path).state) == [
        "block1.x",
        "block1.pending",
        "block2.inner.memory.r0.0.h",
        "block2.inner.memory.r1.0.h",
        "block2.inner.1.align1.queue",
        "block2.inner.1.align1.waiting",
        "block3.branch1.b1.0.window.x",
        "block3.branch1.b1.0.window.pending",
        "block3.branch1.b1.0.held",
        "block3.branch1.b1.0.phase",
        "block3.branch1.b1.0.inner.0.h",
        "block3.branch1.b1.0.inner.0.c",
        "block4.norm.first",
        "block4.norm.sum",
        "block4.norm.square",
        "block4.norm.count",
        "block4.inner.0.h",
    ]


def test_a_skip_joins_what_dropout_left_of_a_block(tmp_path):
    net = model(tmp_path).train()
    assert net.stack.keep == {"early-dropout": "early"}
    net.eval()
    x = torch.randn(3, 12, 1)
    assert worst_gap(net, x, torch.tensor([12, 7, 1]), [1, 4, 2, 5]) < 2e-5


def test_the_costs_of_nested_blocks_add_up(tmp_path):
    net, costs = model_costs(plan(tmp_path), ENDS)
    assert sum(cost.parameters for cost in costs) == sum(p.numel() for p in net.parameters())
    assert sum(cost.state for cost in costs) == sum(slot.numel for slot in net.state.values())
    rows = {cost.name: cost for cost in costs}
    assert rows["block2.memory"].depth == 1
    assert rows["block2.memory.0"].state == 6  # of the first turn; the second is the repeat's own
    assert (rows["block2.memory"].parameters, rows["block2.memory"].state) == (0, 6)
    assert rows["block3.b1.0.0"].depth == 2
    assert rows["block3"].parameters == 2 * 6 + 2  # its gate
