"""The kit's checks of layers that attend to a memory: a right one passes, and each broken one is caught."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import nn

from seqhub.api import AttentionSpec, Config, Geometry, config, option
from seqhub.export.compare import Units
from seqhub.export.lower import lower
from seqhub.export.parity import prove
from seqhub.export.twin import DeploymentTwin
from seqhub.nn import ALIGNMENT, Chain, SequenceLayer, identity, masked_softmax, read_memory, zero_padding
from seqhub.nn.pointwise import Linear
from seqhub.nn.state import Memory
from seqhub.testing.memories import check_memory_gradients, check_memory_is_needed, check_memory_padding
from seqhub.testing.subject import Subject
from seqhub.testing.suite import CHECKS, run_check

CHECKS_WITHOUT_GRAPHS = [check for check in CHECKS if "graph" not in check.__name__]


@config
class ReaderConfig(Config):
    reads_memory: ClassVar[bool] = True

    memory_width: int = option(4, help="width of the memory")

    def geometry(self, width: int) -> Geometry:
        return identity(width)


class Reader(SequenceLayer):
    """y = W_o (softmax(W x . m) m), and the last alignment as state."""

    def __init__(self, d_in, *, memory_width=4):
        super().__init__(d_in, identity(d_in), {"alignment": ALIGNMENT})
        self.attends_to = memory_width
        self.query = nn.Linear(d_in, memory_width)
        self.out = nn.Linear(memory_width, d_in)

    def forward(self, x, lengths, state, memory=None, ctx=None):
        x = zero_padding(x, lengths)
        values, real = self.read(memory)
        weights = self.weigh(self.query(x) @ values.mT, real[:, None])
        last = weights.gather(1, (lengths - 1).clamp(min=0)[:, None, None].expand(-1, -1, weights.shape[2]))[:, 0]
        alignment = torch.where((lengths > 0)[:, None], last.to(state["alignment"].dtype), state["alignment"])
        return zero_padding(self.out(weights @ values), lengths), lengths, {"alignment": alignment}

    def read(self, memory):
        return read_memory(memory, self.attends_to)

    def weigh(self, scores, real):
        return masked_softmax(scores, real)


class SeesPadding(Reader):
    def weigh(self, scores, real):
        return masked_softmax(scores, torch.ones_like(real))


class KeepsNaN(Reader):
    def read(self, memory):
        return read_memory(memory, self.attends_to)[0] + memory.values, read_memory(memory, self.attends_to)[1]


class DividesByNothing(Reader):
    def weigh(self, scores, real):
        return torch.softmax(scores.masked_fill(~real, float("-inf")), dim=-1)


class DetachesMemory(Reader):
    def read(self, memory):
        values, real = read_memory(memory, self.attends_to)
        return values.detach(), real


class InventsMemory(Reader):
    def read(self, memory):
        return read_memory(memory or Memory(torch.zeros(2, 6, 4), torch.tensor([6, 6])), self.attends_to)


class TakesAnyWidth(Reader):
    def read(self, memory):
        return read_memory(Memory(memory.values[..., : self.attends_to], memory.lengths), self.attends_to)


BROKEN = {
    SeesPadding: check_memory_padding,
    KeepsNaN: check_memory_padding,
    DividesByNothing: check_memory_padding,
    DetachesMemory: check_memory_gradients,
    InventsMemory: check_memory_is_needed,
    TakesAnyWidth: check_memory_is_needed,
}


def subject_of(cls):
    spec = AttentionSpec(name="reader", target=f"{cls.__module__}:{cls.__name__}", config=ReaderConfig, summary="x")
    return Subject(spec, "test/reader")


def test_a_right_reader_passes_everything():
    outcomes = [run_check(check, subject_of(Reader)) for check in CHECKS_WITHOUT_GRAPHS]
    assert [str(o) for o in outcomes if o.result == "failed"] == []
    assert all(run_check(check, subject_of(Reader)).result == "passed" for check in BROKEN.values())


@pytest.mark.parametrize(("cls", "check"), BROKEN.items(), ids=lambda v: v.__name__)
def test_each_broken_reader_is_caught_by_its_check(cls, check):
    outcome = run_check(check, subject_of(cls))
    assert outcome.result == "failed", str(outcome)


def test_a_config_that_hides_the_memory_is_caught():
    class Silent(ReaderConfig):
        reads_memory: ClassVar[bool] = False

    spec = AttentionSpec(name="reader", target=f"{__name__}:Reader", config=Silent, summary="x")
    outcome = run_check(check_memory_padding, Subject(spec, "test/reader"))
    assert "reads_memory = False" in outcome.detail


def test_what_a_layer_inside_attends_to_is_known_outside():
    chain = Chain(8, {"first": Linear(8, width=8), "reader": Reader(8)})
    assert (chain.memory_width, chain.reads_memory, Linear(8, width=8).memory_width) == (4, True, 0)
    both = Chain(8, {"a": Reader(8), "b": Reader(8, memory_width=5)})
    with pytest.raises(ValueError, match=r"widths \[4, 5\]"):
        _ = both.memory_width
    state = chain.initial_state(2, memory_steps=3)
    assert state["reader.alignment"].shape == (2, 3)
    with pytest.raises(ValueError, match="needs memory_steps"):
        chain.initial_state(2)
    memory = Memory(torch.zeros(2, 3, 4), torch.tensor([3, 1]))
    chain.check_inputs(torch.zeros(2, 5, 8), torch.tensor([5, 1]), state, memory)
    with pytest.raises(ValueError, match="memory: got none"):
        chain.check_inputs(torch.zeros(2, 5, 8), torch.tensor([5, 1]), state)


@pytest.mark.heavy
def test_the_graph_takes_the_memory_and_is_proven_with_memories_of_many_lengths():
    layer = Chain(8, {"reader": Reader(8)}).eval()
    proto, info = lower(DeploymentTwin(layer, "full").eval(), "full", opset=20)
    shapes = {tensor.name: tensor.shape for tensor in (*info.inputs, *info.outputs)}
    assert shapes["memory"] == ("batch", "memory_time", 4)
    assert shapes["memory_lengths"] == ("batch",)
    assert shapes["state.reader.alignment"] == shapes["next_state.reader.alignment"] == ("batch", "memory_time")
    statistics, failure = prove(layer, proto, info, "full", Units.plain(8, 8), 1e-4)
    assert failure is None
    assert statistics["cases"] > 50
    broken = Chain(8, {"reader": SeesPadding(8)}).eval()
    broken.load_state_dict(layer.state_dict())
    assert prove(broken, proto, info, "full", Units.plain(8, 8), 1e-4)[1] is not None
