"""The inputs on which a graph must prove equal: small to large, ragged, idle, chunked, with NaN in all padding."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, cast

import torch
from torch import Tensor

from seqhub.export.twin import Role
from seqhub.nn import Context, Memory, SequenceLayer, State

Lengths = Literal["full", "ragged", "idle"]
Chunk = int | Literal["all", "uneven"]
BATCHES = (1, 2, 5)
CHUNKS: tuple[Chunk, ...] = (1, 3, 7, "all", "uneven")  # in blocks
PREFIX_STEPS = 13
LARGE = 3e3  # standard deviations: values of 1e3 to 1e4, as a sensor that is broken or in other units gives them
EVALUATED_SIZE = 600  # rows times steps, beyond which onnx's evaluator takes seconds
Trial = Literal["ordinary", "large", "permuted", "evaluated"]
Memories = Callable[[int, torch.Generator], Memory | None]  # what a batch of so many rows attends to


@dataclass(frozen=True)
class Case:
    """One comparison. chunk None: one run of the graph, from a fresh state or one carried from earlier steps.

    trial: `ordinary` inputs; `large` ones; rows `permuted`; `evaluated` by onnx's reference evaluator.
    """

    role: Role
    batch: int
    steps: int
    lengths: Lengths
    carried: bool = False
    chunk: Chunk | None = None
    trial: Trial = field(default="ordinary", repr=False)  # not in the seed: a case's inputs differ in scale alone

    @property
    def size(self) -> int:
        return self.batch * self.steps

    @property
    def seed(self) -> int:
        return zlib.crc32(repr(self).encode())

    def __str__(self) -> str:
        rows = {"full": "full rows", "ragged": "ragged rows", "idle": "rows of length 0"}[self.lengths]
        state = "carried state" if self.carried else "fresh state"
        chunks = f", in chunks: {self.chunk}" if self.chunk else ""
        trial = {"ordinary": "", "large": ", large values", "permuted": ", rows permuted", "evaluated": ""}[self.trial]
        return f"batch {self.batch}, time {self.steps}, {rows}, {state}{chunks}{trial}"


def times(layer: SequenceLayer) -> tuple[int, ...]:
    """One block, two, an odd number, and long: beyond every finite receptive field inside that is not too large."""
    block = layer.geometry.block
    reaches = [part.geometry.past for part in layer.modules() if isinstance(part, SequenceLayer)]
    reach = max([0, *(int(past) for past in reaches if past != math.inf)])
    return tuple(sorted({1, block, 2 * block, 2 * block + 5, min(259, max(67, (reach + 18) * block))}))


def make_cases(layer: SequenceLayer, role: Role) -> list[Case]:
    """Smallest first, so that the first failure is the smallest."""
    kinds: tuple[Lengths, ...] = ("full", "ragged", "idle")
    steps = times(layer)
    whole = [Case(role, b, t, k, carried) for b in BATCHES for t in steps for k in kinds for carried in (False, True)]
    if role == "stream":
        chunks = [c if isinstance(c, str) else c * layer.geometry.block for c in CHUNKS]
        whole += [Case(role, b, t, k, chunk=c) for b in BATCHES for t in steps[-2:] for k in kinds for c in chunks]
    whole += _trials(layer, role, steps)
    return sorted((case for case in whole if not _repeats(case)), key=lambda case: case.size)


def _trials(layer: SequenceLayer, role: Role, steps: tuple[int, ...]) -> list[Case]:
    """A few cases with large values, with permuted rows, and small ones for onnx's evaluator."""
    odd, block = steps[-2], layer.geometry.block
    kinds: tuple[Lengths, ...] = ("ragged", "idle")
    found = [Case(role, 5, odd, k, carried=True, trial="permuted") for k in kinds]
    if not layer.vocabulary:  # an id is never large
        found += [Case(role, 2, t, "ragged", carried, trial="large") for t in steps[-2:] for carried in (False, True)]
        found += [Case(role, 1, block, "full", trial="large")]
        if role == "stream":
            found += [Case(role, 2, odd, "ragged", chunk="uneven", trial="large")]
    small = [
        Case(role, 2, block, "idle", carried=True, trial="evaluated"),
        Case(role, 2, odd, "ragged", carried=True, trial="evaluated"),
    ]
    return [*found, *(case for case in small if case.size <= EVALUATED_SIZE)]


def _repeats(case: Case) -> bool:
    """Rows of one step cannot be ragged: the case is that of full rows."""
    return case.lengths == "ragged" and case.steps == 1


@dataclass(frozen=True, eq=False)
class Inputs:
    """x [B T D] with NaN in its padding, lengths [B], end [B] (for one run of a stream), state; a memory, with NaN in
    its padding, for a layer that attends to one.
    """

    x: Tensor
    lengths: Tensor
    end: Tensor
    state: State
    memory: Memory | None = None


def make_inputs(
    case: Case, layer: SequenceLayer, shift: Tensor, scale: Tensor, memories: Memories | None = None
) -> Inputs:
    """Random inputs of the model's own range, x = shift + scale * normal, `LARGE` times as far where the case says so;
    the same for the same case. memories: `draw_memory`, if not given.
    """
    scale = scale * LARGE if case.trial == "large" else scale
    source = torch.Generator().manual_seed(case.seed)
    lengths = _draw_lengths(case, source)
    end = torch.rand(case.batch, generator=source) < 0.5
    if case.role == "stream" and case.chunk is None and layer.geometry.future > 0:
        block = layer.geometry.block
        lengths = torch.where(end, lengths, lengths - lengths % block)  # only a row's last chunk may be short
    x = _spoilt(draw_steps(layer, (case.batch, case.steps), shift, scale, source), lengths)
    memory = memories(case.batch, source) if memories else draw_memory(layer, case.batch, source)
    state = first_state(layer, case.batch, memory)
    if case.carried:
        state = _carried_state(case, layer, shift, scale, source, memory)
    return Inputs(x, lengths, end, state, memory)


def draw_memory(layer: SequenceLayer, batch: int, source: torch.Generator) -> Memory | None:
    """What the layer attends to, if it does: 1 to 9 steps, rows of any length from 0, NaN in the padding."""
    width = layer.memory_width
    if not width:
        return None
    steps = int(torch.randint(1, 10, (), generator=source))
    lengths = torch.randint(0, steps + 1, (batch,), generator=source)
    return Memory(_spoilt(torch.randn((batch, steps, width), generator=source), lengths), lengths)


def encode_memory(encoder: SequenceLayer, shift: Tensor, scale: Tensor, batch: int, source: torch.Generator) -> Memory:
    """What an encoder gives for random inputs of its own range, 1 to 9 outputs or so, with NaN in the padding.

    A trained decoder need not be steady where no encoder goes: attention by products of numbers that are too large
    chooses one step or another by a rounding.
    """
    geometry = encoder.geometry
    clock = max(geometry.block, math.ceil(1 / geometry.ratio))
    steps = clock * int(torch.randint(1, 10, (), generator=source))
    lengths = torch.randint(0, steps + 1, (batch,), generator=source)
    x = draw_steps(encoder, (batch, steps), shift, scale, source)
    values, found, _ = encoder(x, lengths, encoder.initial_state(batch))
    return Memory(_spoilt(values, found), found)


def first_state(layer: SequenceLayer, batch: int, memory: Memory | None) -> State:
    """The initial state beside this memory."""
    return layer.initial_state(batch, memory_steps=0 if memory is None else memory.values.shape[1])


def _draw_lengths(case: Case, source: torch.Generator) -> Tensor:
    if case.lengths == "full":
        return torch.full((case.batch,), case.steps)
    drawn = torch.randint(1, case.steps + 1, (case.batch,), generator=source)
    if case.lengths == "idle":
        drawn[::2] = 0
    return drawn


def _carried_state(
    case: Case, layer: SequenceLayer, shift: Tensor, scale: Tensor, source: torch.Generator, memory: Memory | None
) -> State:
    """The state after some steps, fewer in some rows: counters stay true, unlike numbers drawn at random."""
    x = draw_steps(layer, (case.batch, PREFIX_STEPS), shift, scale, source)
    lengths = torch.randint(0, PREFIX_STEPS + 1, (case.batch,), generator=source)
    lengths -= lengths % layer.geometry.block  # what does not fill a block never reaches a stream's graph
    end = torch.zeros(case.batch, dtype=torch.bool) if layer.geometry.streamable else None
    _, _, state = layer(x, lengths, first_state(layer, case.batch, memory), memory, Context(end=end))
    return cast(State, state)


def anything(x: Tensor) -> Tensor:
    """What padding may hold, at its worst: NaN, or an id that no vocabulary has."""
    return torch.full((), math.nan if x.is_floating_point() else -7, dtype=x.dtype)


def _spoilt(x: Tensor, lengths: Tensor) -> Tensor:
    """x [B T ...] with anything in its padding."""
    padding = torch.arange(x.shape[1]) >= lengths[:, None]
    return torch.where(padding[..., None], anything(x), x)


def draw_steps(
    layer: SequenceLayer, shape: tuple[int, int], shift: Tensor, scale: Tensor, source: torch.Generator
) -> Tensor:
    """Random steps [B T D]: numbers in the model's own range, or ids of its vocabulary."""
    if layer.vocabulary:
        columns = [torch.randint(0, size, shape, generator=source) for size in layer.vocabulary]
        return torch.stack(columns, dim=-1)
    return torch.randn((*shape, layer.d_in), generator=source) * scale + shift


def cut(case: Case, lengths: Tensor, block: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Per chunk: where each row starts [B], and how many of its steps come [B]; uneven: random numbers, or none."""
    if case.chunk == "uneven":
        source, at = torch.Generator().manual_seed(case.seed + 1), torch.zeros_like(lengths)
        while bool((at < lengths).any()):
            take = torch.minimum(torch.randint(0, 4, lengths.shape, generator=source) * block, lengths - at)
            yield at, take
            at = at + take
        return
    size = case.chunk if isinstance(case.chunk, int) else case.steps
    for start in range(0, case.steps, size):
        at = torch.clamp(lengths, max=start)
        yield at, torch.clamp(lengths - at, max=size)
