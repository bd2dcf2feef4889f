"""The deployment twin: a sequence layer with its state flattened into named tensors, as a graph needs it.

    full      x, lengths, state.<slot> ...        -> y, out_lengths, next_state.<slot> ...     rows end with the run
    stream    x, lengths, [end,] state.<slot> ... -> y, out_lengths, next_state.<slot> ...     rows end where `end` says

Both run the layer's own `forward`. Without look-ahead `end` changes nothing, and there is no such input. A layer that
attends to another sequence takes `memory` and `memory_lengths` before its states, the same at every run of a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqhub.nn import Context, Memory, SequenceLayer
from seqhub.runtime.manifest import GraphInfo, StateInfo, TensorInfo

Role = Literal["full", "stream"]
# unlike each other and unlike 0 and 1, which the exporter takes for constants
EXAMPLE_BATCH, EXAMPLE_STEPS, EXAMPLE_MEMORY = 3, 11, 7


@dataclass(frozen=True)
class Dimensions:
    """The names that a deployer finds in the graphs."""

    batch: str = "batch"
    time: str = "time"
    time_out: str = "time_out"
    memory_time: str = "memory_time"


NAMES = Dimensions()


class DeploymentTwin(nn.Module):
    """forward(x, lengths, [end,] [memory, memory_lengths,] *states) -> (y, out_lengths, *next_states), the states in
    the order of `layer.state`.
    """

    def __init__(self, layer: SequenceLayer, role: Role) -> None:
        super().__init__()
        self.layer = layer
        self.slots = tuple(layer.state)
        self.takes_end = role == "stream" and layer.geometry.future > 0
        self.memory_width = layer.memory_width

    def forward(self, x: Tensor, lengths: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        end, rest = (rest[0], rest[1:]) if self.takes_end else (None, rest)
        memory, states = (Memory(*rest[:2]), rest[2:]) if self.memory_width else (None, rest)
        state = dict(zip(self.slots, states, strict=True))
        y, out_lengths, after = self.layer(x, lengths, state, memory, Context(end=end))
        # clones: an output that is an input's own tensor would lose its name
        return (y.clone(), out_lengths.clone(), *(after[slot].clone() for slot in self.slots))

    def example(self) -> tuple[Tensor, ...]:
        """Arguments for tracing: ragged rows, one of them idle; of the memories one is empty."""
        # several steps and a rest also at the slowest place: a size of 0 or 1 anywhere would be taken for a constant
        steps = max(EXAMPLE_STEPS, 3 * self.layer.geometry.slowest + 2)
        shape = (EXAMPLE_BATCH, steps, self.layer.d_in)
        x = torch.zeros(shape, dtype=torch.int64) if self.layer.vocabulary else torch.randn(shape)
        lengths = torch.tensor([steps, steps - 7, 0])
        end = (torch.tensor([True, False, True]),) if self.takes_end else ()
        memory: tuple[Tensor, ...] = ()
        if self.memory_width:
            values = torch.randn(EXAMPLE_BATCH, EXAMPLE_MEMORY, self.memory_width)
            memory = (values, torch.tensor([EXAMPLE_MEMORY, 0, 5]))
        state = self.layer.initial_state(EXAMPLE_BATCH, memory_steps=EXAMPLE_MEMORY)
        return (x, lengths, *end, *memory, *state.values())

    def dynamic_shapes(self) -> tuple[Any, ...]:
        """Batch and time, of the memory too, are free, in the structure of the arguments. For the trace they begin at
        2, since every sum of two layers' outputs asks that a size be no 1, which broadcasts, and the trace would begin
        again; the proof tries 1.
        """
        names = (NAMES.batch, NAMES.time, NAMES.memory_time)
        batch, time, memory_time = (torch.export.Dim(name, min=2) for name in names)
        over_memory = {0: batch, 1: memory_time}
        rest: tuple[Any, ...] = ({0: batch},) * self.takes_end
        rest += (over_memory, {0: batch}) if self.memory_width else ()
        rest += tuple(over_memory if slot.over_memory else {0: batch} for slot in self.layer.state.values())
        return ({0: batch, 1: time}, {0: batch}, *((rest,) if rest else ()))


def describe_graph(twin: DeploymentTwin, role: Role, time_out: str) -> GraphInfo:
    """The tensors that the graph promises, in order; `time_out` names the time axis of y."""
    layer, batch = twin.layer, NAMES.batch
    shape: tuple[int | str, ...]
    dtype, what = ("int64", "ids") if layer.vocabulary else ("float32", "raw columns")
    end_note = "rows whose sequence ends with this chunk: their held-back outputs are given"
    inputs = [
        TensorInfo("x", dtype, (batch, NAMES.time, layer.d_in), f"{what}; steps at or after lengths may hold anything"),
        TensorInfo("lengths", "int64", (batch,), "valid steps of each row, 0 to time"),
        *([TensorInfo("end", "bool", (batch,), end_note)] if twin.takes_end else []),
        *(_describe_memory(twin) if twin.memory_width else []),
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


def _describe_memory(twin: DeploymentTwin) -> list[TensorInfo]:
    note = "the sequence attended to; steps at or after memory_lengths may hold anything"
    return [
        TensorInfo("memory", "float32", (NAMES.batch, NAMES.memory_time, twin.memory_width), note),
        TensorInfo("memory_lengths", "int64", (NAMES.batch,), "valid steps of each row's memory, 0 to memory_time"),
    ]


def describe_states(layer: SequenceLayer) -> tuple[StateInfo, ...]:
    """Every slot with the names of its input and its output; the shape of one over the memory opens with its time."""
    return tuple(
        StateInfo(
            f"state.{name}",
            f"next_state.{name}",
            slot.dtype,
            slot.axes(NAMES.batch, NAMES.memory_time)[1:],
            float(slot.init),
        )
        for name, slot in layer.state.items()
    )
