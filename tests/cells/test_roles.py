"""What every shipped cell says of its own parameters and slots is true of them."""

from __future__ import annotations

import pytest
import torch

from seqhub.nn import Cell, Recurrent, Regularisation, init_cell
from seqhub.nn.init import NAMES
from seqhub.plugins import load_registry
from seqhub.testing.suite import subjects

CELLS = [subject for component in load_registry().components("cell") for subject in subjects(component)]


@pytest.mark.parametrize("subject", CELLS, ids=lambda subject: subject.name)
def test_names_are_those_of_parameters_and_slots(subject):
    cell: Cell = subject.cell()
    assert set(cell.no_zoneout) <= cell.state.keys()
    for role in cell.roles():
        rows = cell.get_parameter(role.name).shape[0]  # AttributeError where there is no such parameter
        start, stop = role.rows or (0, rows)
        assert 0 <= start < stop <= rows
        assert (stop - start) % role.blocks == 0


@pytest.mark.parametrize("subject", CELLS, ids=lambda subject: subject.name)
def test_every_initialisation_that_suits_leaves_a_cell_that_runs(subject):
    for kind, names in NAMES.items():
        for name in names:
            cell: Cell = subject.cell()
            if kind not in {role.kind for role in cell.roles()}:
                continue
            if name in ("identity", "ring") and kind == "recurrent" and not _square(cell, name):
                with pytest.raises(ValueError, match="needs square matrices"):
                    init_cell(cell, name)
                continue
            drawn = init_cell(cell, name)
            assert all(bool(torch.isfinite(cell.get_parameter(parameter)).all()) for parameter in drawn)
            layer = Recurrent(cell)
            y, _, _ = layer(torch.randn(2, 5, 8), torch.tensor([5, 3]), layer.initial_state(2))
            assert bool(torch.isfinite(y).all())


def _square(cell: Cell, name: str) -> bool:
    """Whether each gate's recurrent weights are a square matrix, or for the identity a convolution between as many."""
    for role in cell.roles():
        shape = cell.get_parameter(role.name).shape
        if role.kind == "recurrent" and (shape[0] // role.blocks != shape[1] or (name == "ring" and len(shape) != 2)):
            return False
    return True


@pytest.mark.parametrize("subject", CELLS, ids=lambda subject: subject.name)
def test_every_cell_but_memories_takes_zoneout_and_all_take_input_dropout(subject):
    cell: Cell = subject.cell()
    kinds = {role.kind for role in cell.roles()}
    rates = Regularisation(
        input_dropout=0.2,
        recurrent_dropout=0.2 if "recurrent" in kinds else 0.0,
        zoneout=0.0 if cell.kind == "memory" else 0.2,
    )
    layer = Recurrent(cell, regularisation=rates).train()
    y, _, state = layer(torch.randn(3, 6, 8), torch.tensor([6, 2, 0]), layer.initial_state(3))
    y.square().sum().backward()
    assert all(bool(torch.isfinite(value).all()) for value in (y, *state.values()))
    assert bool((y[1, 2:] == 0).all())
    fresh = layer.initial_state(3)
    assert all(torch.equal(value[2], fresh[name][2]) for name, value in state.items())
