"""How far large values leave torch's own answer open: no graph can be held closer than that.

Between large numbers a softmax, a difference or a norm turns one rounding into something that is not small, and a form
for training may round otherwise than a step does. Two things say how much: the layer's answers when its inputs move by
one rounding, and the layer in double precision.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from seqhub.export.cases import Inputs
from seqhub.nn import Context, Memory, SequenceLayer

_ROUNDING = 2.0**-23  # of float32, relative
_MARGIN = 16.0  # a graph rounds at every operator, the moved inputs once; the largest of a few draws stands for all


def unsteadiness(layer: SequenceLayer, inputs: Inputs, ctx: Context) -> dict[str, float]:
    """For y and every slot: what may differ besides the tolerance, in raw units."""
    source = torch.Generator().manual_seed(0)
    first = _answers(layer, inputs, inputs.x, ctx)
    others = [_precise_answers(layer, inputs, ctx)]
    for _ in range(2):
        noise = torch.randn(inputs.x.shape, generator=source)
        others.append(_answers(layer, inputs, inputs.x * (1 + _ROUNDING * noise), ctx))
    return {name: _MARGIN * max(_apart(value, other[name]) for other in others) for name, value in first.items()}


def _answers(layer: SequenceLayer, inputs: Inputs, x: Tensor, ctx: Context) -> dict[str, Tensor]:
    y, _, after = layer(x, inputs.lengths, inputs.state, inputs.memory, ctx)
    return {"y": y, **after}


def _precise_answers(layer: SequenceLayer, inputs: Inputs, ctx: Context) -> dict[str, Tensor]:
    memory = None if inputs.memory is None else Memory(inputs.memory.values.double(), inputs.memory.lengths)
    state = {name: value.double() if value.is_floating_point() else value for name, value in inputs.state.items()}
    y, _, after = copy.deepcopy(layer).double()(inputs.x.double(), inputs.lengths, state, memory, ctx)
    return {"y": y, **after}


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest difference where both are finite."""
    if not one.numel() or not one.is_floating_point():
        return 0.0
    apart = (one.double() - other.double()).abs()
    return float(torch.where(apart.isfinite(), apart, 0.0).max())
