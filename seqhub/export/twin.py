"""The deployment twin: a sequence layer with its state flattened into named tensors, as a graph needs it.

    full      x, lengths, state.<slot> ...        -> y, out_lengths, next_state.<slot> ...     rows end with the run
    stream    x, lengths, [end,] state.<slot> ... -> y, out_lengths, next_state.<slot> ...     rows end where `end` says

Both run the layer's own `forward`. Without look-ahead `end` changes nothing, and there is no such input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqhub.nn import Context, SequenceLayer
from seqhub.runtime.manifest import GraphInfo, StateInfo, TensorInfo

Role = Literal["full", "stream"]
EXAMPLE_BATCH, EXAMPLE_STEPS = 3, 11  # unlike each other and unlike 0 and 1, which the exporter takes for constants


@dataclass(frozen=True)
class Dimensions:
    """The names that a deployer finds in the graphs."""

    batch: str = "batch"
    time: str = "time"
    time_out: str = "time_out"


NAMES = Dimensions()


class DeploymentTwin(nn.Module):
    """forward(x, lengths, [end,] *states) -> (y, out_lengths, *next_states), in the order of `layer.state`."""

    def __init__(self, layer: SequenceLayer, role: Role) -> None:
        super().__init__()
        self.layer = layer
        self.slots = tuple(layer.state)
        self.takes_end = role == "stream" and layer.geometry.future > 0

    def forward(self, x: Tensor, lengths: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        end, states = (rest[0], rest[1:]) if self.takes_end else (None, rest)
        state = dict(zip(self.slots, states, strict=True))
        y, out_lengths, after = self.layer(x, lengths, state, None, Context(end=end))
        # clones: an output that is an input's own tensor would lose its name
        return (y.clone(), out_lengths.clone(), *(after[slot].clone() for slot in self.slots))

    def example(self) -> tuple[Tensor, ...]:
        """Arguments for tracing: ragged rows, one of them idle."""
        x = torch.randn(EXAMPLE_BATCH, EXAMPLE_STEPS, self.layer.d_in)
        lengths = torch.tensor([EXAMPLE_STEPS, 4, 0])
        end = (torch.tensor([True, False, True]),) if self.takes_end else ()
        return (x, lengths, *end, *self.layer.initial_state(EXAMPLE_BATCH).values())

    def dynamic_shapes(self) -> tuple[Any, ...]:
        """Batch and time are free, in the structure of the arguments."""
        batch, time = torch.export.Dim(NAMES.batch), torch.export.Dim(NAMES.time)
        rest = tuple({0: batch} for _ in range(self.takes_end + len(self.slots)))
        return ({0: batch, 1: time}, {0: batch}, *((rest,) if rest else ()))


def describe_graph(twin: DeploymentTwin, role: Role, time_out: str) -> GraphInfo:
    """The tensors that the graph promises, in order; `time_out` names the time axis of y."""
    layer, batch = twin.layer, NAMES.batch
    shape: tuple[int | str, ...]
    end_note = "rows whose sequence ends with this chunk: their held-back outputs are given"
    inputs = [
        TensorInfo(
            "x", "float32", (batch, NAMES.time, layer.d_in), "raw columns; steps at or after lengths may hold anything"
        ),
        TensorInfo("lengths", "int64", (batch,), "valid steps of each row, 0 to time"),
        *([TensorInfo("end", "bool", (batch,), end_note)] if twin.takes_end else []),
    ]
    outputs = [
        TensorInfo("y", "float32", (batch, time_out, layer.d_out), "raw units; zero at or after out_lengths"),
        TensorInfo("out_lengths", "int64", (batch,), "valid output steps of each row"),
    ]
    for state in describe_states(layer):
        shape = (batch, *state.shape)
        inputs.append(TensorInfo(state.input, state.dtype, shape, f"first {state.init:g}, then {state.output}"))
        outputs.append(TensorInfo(state.output, state.dtype, shape, f"goes into {state.input}"))
    return GraphInfo(role, f"{role}.onnx", tuple(inputs), tuple(outputs))


def describe_states(layer: SequenceLayer) -> tuple[StateInfo, ...]:
    """Every slot with the names of its input and its output."""
    return tuple(
        StateInfo(f"state.{name}", f"next_state.{name}", slot.dtype, slot.shape, float(slot.init))
        for name, slot in layer.state.items()
    )
