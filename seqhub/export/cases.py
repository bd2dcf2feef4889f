"""The inputs on which a graph must prove equal: small to large, ragged, idle, chunked, with NaN in all padding."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from seqhub.export.twin import Role
from seqhub.nn import Context, SequenceLayer, State

Lengths = Literal["full", "ragged", "idle"]
Chunk = int | Literal["all", "uneven"]
BATCHES = (1, 2, 5)
CHUNKS: tuple[Chunk, ...] = (1, 3, 7, "all", "uneven")  # in blocks
PREFIX_STEPS = 13


@dataclass(frozen=True)
class Case:
    """One comparison. chunk None: one run of the graph, from a fresh state or one carried from earlier steps."""

    role: Role
    batch: int
    steps: int
    lengths: Lengths
    carried: bool = False
    chunk: Chunk | None = None

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
        return f"batch {self.batch}, time {self.steps}, {rows}, {state}{chunks}"


def times(layer: SequenceLayer) -> tuple[int, ...]:
    """One block, two, an odd number, and long: beyond every finite receptive field inside that is not too large."""
    block = layer.geometry.block
    reaches = [part.geometry.past for part in layer.modules() if isinstance(part, SequenceLayer)]
    reach = max((int(past) for past in reaches if past != math.inf), default=0)
    return tuple(sorted({1, block, 2 * block, 2 * block + 5, min(259, max(67, (reach + 18) * block))}))


def make_cases(layer: SequenceLayer, role: Role) -> list[Case]:
    """Smallest first, so that the first failure is the smallest."""
    kinds: tuple[Lengths, ...] = ("full", "ragged", "idle")
    steps = times(layer)
    whole = [Case(role, b, t, k, carried) for b in BATCHES for t in steps for k in kinds for carried in (False, True)]
    if role == "stream":
        chunks = [c if isinstance(c, str) else c * layer.geometry.block for c in CHUNKS]
        whole += [Case(role, b, t, k, chunk=c) for b in BATCHES for t in steps[-2:] for k in kinds for c in chunks]
    return sorted((case for case in whole if not _repeats(case)), key=lambda case: case.size)


def _repeats(case: Case) -> bool:
    """Rows of one step cannot be ragged: the case is that of full rows."""
    return case.lengths == "ragged" and case.steps == 1


@dataclass(frozen=True, eq=False)
class Inputs:
    """x [B T D] with NaN in its padding, lengths [B], end [B] (for one run of a stream), state."""

    x: Tensor
    lengths: Tensor
    end: Tensor
    state: State


def make_inputs(case: Case, layer: SequenceLayer, shift: Tensor, scale: Tensor) -> Inputs:
    """Random inputs of the model's own range, x = shift + scale * normal; the same for the same case."""
    source = torch.Generator().manual_seed(case.seed)
    lengths = _draw_lengths(case, source)
    end = torch.rand(case.batch, generator=source) < 0.5
    if case.role == "stream" and case.chunk is None and layer.geometry.future > 0:
        block = layer.geometry.block
        lengths = torch.where(end, lengths, lengths - lengths % block)  # only a row's last chunk may be short
    x = _normal((case.batch, case.steps, layer.d_in), source) * scale + shift
    padding = torch.arange(case.steps) >= lengths[:, None]
    x = torch.where(padding[..., None], torch.full((), math.nan), x)
    state = layer.initial_state(case.batch)
    if case.carried:
        state = _carried_state(case, layer, shift, scale, source)
    return Inputs(x, lengths, end, state)


def _draw_lengths(case: Case, source: torch.Generator) -> Tensor:
    if case.lengths == "full":
        return torch.full((case.batch,), case.steps)
    drawn = torch.randint(1, case.steps + 1, (case.batch,), generator=source)
    if case.lengths == "idle":
        drawn[::2] = 0
    return drawn


def _carried_state(case: Case, layer: SequenceLayer, shift: Tensor, scale: Tensor, source: torch.Generator) -> State:
    """The state after some steps, fewer in some rows: counters stay true, unlike numbers drawn at random."""
    x = _normal((case.batch, PREFIX_STEPS, layer.d_in), source) * scale + shift
    lengths = torch.randint(0, PREFIX_STEPS + 1, (case.batch,), generator=source)
    lengths -= lengths % layer.geometry.block  # what does not fill a block never reaches a stream's graph
    end = torch.zeros(case.batch, dtype=torch.bool) if layer.geometry.streamable else None
    _, _, state = layer(x, lengths, layer.initial_state(case.batch), None, Context(end=end))
    return cast(State, state)


def _normal(shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=source)


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
