"""How far large values leave torch's own answer open: no graph can be held closer than that.

Between large numbers a softmax, a difference or a norm turns one rounding into something that is not small, and a form
for training may round otherwise than a step does. Three things say how much: the layer's answers when its inputs move
by one rounding, the layer in double precision, and the layer with a sigmoid that is right to 2^-24 absolutely, as
onnxruntime's is: far below zero that is another number, or none, and a norm over vanishing features brings it to light.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from seqhub.export.cases import Inputs
from seqhub.nn import Context, Memory, SequenceLayer

_ATEN: Any = torch.ops.aten
_FINE = 2.0**24  # at -15 onnxruntime 1.32 gives 3.6e-7 for 3.1e-7, at -18 zero
_ROUNDING = 2.0**-23  # of float32, relative
_MARGIN = 16.0  # a graph rounds at every operator, the moved inputs once; the largest of a few draws stands for all


def unsteadiness(layer: SequenceLayer, inputs: Inputs, ctx: Context) -> dict[str, float]:
    """For y and every slot: what may differ besides the tolerance, in raw units."""
    source = torch.Generator().manual_seed(0)
    first = _answers(layer, inputs, inputs.x, ctx)
    others = [_precise_answers(layer, inputs, ctx)]
    with _CoarseSigmoids():  # type: ignore[no-untyped-call]
        others.append(_answers(layer, inputs, inputs.x, ctx))
    for _ in range(2):
        noise = torch.randn(inputs.x.shape, generator=source)
        others.append(_answers(layer, inputs, inputs.x * (1 + _ROUNDING * noise), ctx))
    return {name: _MARGIN * max(_apart(value, other[name]) for other in others) for name, value in first.items()}


class _CoarseSigmoids(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, sigmoids are multiples of 2^-24."""

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (_ATEN.sigmoid.default, _ATEN.silu.default):
            gate = torch.round(_ATEN.sigmoid.default(args[0]) * _FINE) / _FINE
            return gate if func is _ATEN.sigmoid.default else args[0] * gate
        return func(*args, **(kwargs or {}))


def _answers(layer: SequenceLayer, inputs: Inputs, x: Tensor, ctx: Context) -> dict[str, Tensor]:
    y, _, after = layer(x, inputs.lengths, inputs.state, inputs.memory, ctx)
    return {"y": y, **after}


def _precise_answers(layer: SequenceLayer, inputs: Inputs, ctx: Context) -> dict[str, Tensor]:
    memory = None if inputs.memory is None else Memory(inputs.memory.values.double(), inputs.memory.lengths)
    state = {name: value.double() if value.is_floating_point() else value for name, value in inputs.state.items()}
    x = inputs.x.double() if inputs.x.is_floating_point() else inputs.x
    y, _, after = copy.deepcopy(layer).double()(x, inputs.lengths, state, memory, ctx)
    return {"y": y, **after}


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest difference where both are finite."""
    if not one.numel() or not one.is_floating_point():
        return 0.0
    apart = (one.double() - other.double()).abs()
    return float(torch.where(apart.isfinite(), apart, 0.0).max())
