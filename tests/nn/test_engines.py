"""What holds for every engine: marks in padding are none, and no steps at all are steps enough."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from seqhub.nn import Cell, Context, Recurrent, Slot
from seqhub.plugins import load_registry
from seqhub.testing.suite import subjects


@pytest.mark.parametrize("name", ["mgu", "lstm", "min-gru", "sru", "gla", "gated-delta-net", "mamba"])
def test_a_reset_mark_in_padding_is_none(name):
    """Step, native, linear and memory cells, with and without a convolution before them, in float64."""
    torch.manual_seed(0)
    layer = Recurrent(subjects(load_registry().resolve(name))[0].cell()).double()
    x, lengths = torch.randn(3, 11, layer.d_in, dtype=torch.float64), torch.tensor([11, 6, 0])
    marks = torch.zeros(3, 11, dtype=torch.bool)
    marks[0, 4] = True
    stray = marks.clone()
    stray[1, 6:] = stray[2, 3] = True
    state = {key: torch.randn(3, *slot.shape, dtype=torch.float64) for key, slot in layer.state.items()}
    results = [layer(x, lengths, state, None, Context(reset=reset)) for reset in (marks, stray)]
    torch.testing.assert_close(results[1][0], results[0][0], rtol=0, atol=0)
    for key, value in results[0][2].items():
        torch.testing.assert_close(results[1][2][key], value, rtol=0, atol=0)
        torch.testing.assert_close(results[1][2][key][2], state[key][2], rtol=0, atol=0)


class Wide(Cell):
    """Its step gives 2 numbers, its readout makes 5 of them; it wants elapsed time."""

    def __init__(self) -> None:
        super().__init__(3, output_size=5, state={"h": Slot((2,))})
        self.inp, self.out = nn.Linear(3, 2), nn.Linear(2, 5)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.inp(x), x

    def step(self, p, state, ctx):
        h = torch.tanh(p[0] + state["h"] * torch.exp(-ctx.dt))
        return h, {"h": h}

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        z: Tensor = self.out(y)
        return z


@pytest.mark.parametrize("grad", [True, False])
def test_no_steps_give_no_outputs_of_the_right_width(grad):
    layer = Recurrent(Wide())
    state = {"h": torch.randn(2, 2)}
    with torch.set_grad_enabled(grad):
        y, lengths, after = layer(
            torch.zeros(2, 0, 3), torch.zeros(2, dtype=torch.long), state, None, Context(dt=torch.zeros(2, 0))
        )
    assert y.shape == (2, 0, 5)
    assert lengths.tolist() == [0, 0]
    assert torch.equal(after["h"], state["h"])
