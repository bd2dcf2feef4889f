"""Rows shared by threads: where the tensors of a step have them, and the steps whose rows must stay together."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

from seqhub.nn import Cell, Slot
from seqhub.nn.engines.parts import RowAxes, RowsNotApart, row_axes
from seqhub.nn.engines.program import Examples, trace_step
from seqhub.nn.engines.sequential import _Step
from seqhub.plugins import load_registry
from seqhub.testing.subject import Subject
from seqhub.testing.suite import subjects
from tests.nn.test_compiled import Toy

STEP_CELLS = [
    subject
    for component in load_registry().components("cell")
    if component.dist == "seqhub-cells"
    for subject in subjects(component)
    if subject.cell().kind == "step"
]
ROWS, PARTS = 12, 3


def programs_of(cell: Cell):
    """Of a step of twelve rows, of one of a third of them, and what they were traced with."""
    leaves, tree = pytree.tree_flatten(cell.project(torch.randn(ROWS, 1, cell.d_in)))
    step = _Step(cell, tree, len(leaves), (), tuple(cell.state), ())
    state = [slot.tensor(ROWS) for slot in cell.state.values()]
    given = Examples([leaf[:, 0] for leaf in leaves], state, [], list(cell.parameters()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's tracer about itself
        return (*(trace_step(step, each, for_compiler=True) for each in (given, given.rows(PARTS))), given)


def axes_of(cell: Cell) -> RowAxes:
    return row_axes(*programs_of(cell), PARTS)


@pytest.mark.parametrize("subject", STEP_CELLS, ids=lambda subject: subject.name)
def test_rows_of_every_step_cell_can_be_shared(subject: Subject):
    assert {*axes_of(subject.cell()).rooms} <= {0, 1, 2}


def test_what_is_the_same_for_all_rows_is_told_from_what_is_not():
    cell = Toy(3)
    axes = axes_of(cell)
    assert axes.shared[: len(list(cell.parameters()))] == (None,) * len(list(cell.parameters()))
    assert set(axes.rooms) == set(axes.gradients) == {0}
    assert sorted(axes.totals, key=str) == [0, 0, 0, None]  # norm and peephole by rows; one number for all of them


class Together(Cell):
    """Rows that meet, against the contract."""

    def __init__(self, meet) -> None:
        super().__init__(4, output_size=4, state={"h": Slot((4,))})
        self.turn, self.meet = nn.Linear(4, 4), meet

    def step(self, p, state, ctx):
        h = torch.tanh(p + self.turn(state["h"]))
        h = self.meet(h)
        return h, {"h": h}


@pytest.mark.parametrize(
    "meet",
    [lambda h: h - h.mean(0), lambda h: (h @ h.t()) @ h, lambda h: h * h.sum(), lambda h: h + h[:1]],
    ids=["mean", "product", "sum", "first"],
)
def test_rows_that_meet_stay_together(meet):
    with pytest.raises(RowsNotApart):
        axes_of(Together(meet))


def test_a_transposed_weight_is_laid_out_once():
    """A product by a transposed view of few rows takes up to twice as long."""
    cell = Toy(3)
    whole, *_ = programs_of(cell)
    (turned,) = whole.hoist(*(parameter.detach() for parameter in cell.parameters()))
    assert turned.is_contiguous()
    assert torch.equal(turned, cell.turn.weight.t())
