"""What the checks look at: one component with one set of options."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from seqhub.api import ComponentSpec
from seqhub.geometry import Geometry, identity
from seqhub.nn import Cell, Context, Memory, Recurrent, SequenceLayer, State

HEAD_WIDTH = 6


class CheckFailed(AssertionError):
    """A promise of the contract that does not hold; the message says which number differs."""


class NotApplicable(Exception):
    """A check that has nothing to look at; the message says why. It is counted."""


@dataclass(frozen=True)
class Subject:
    """A component as the checks build it: seeded, in evaluation mode, over `d_in` input columns."""

    spec: ComponentSpec
    ref: str
    options: Mapping[str, Any] = field(default_factory=dict)
    d_in: int = 8

    @property
    def name(self) -> str:
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.ref}({options})"

    @property
    def is_cell(self) -> bool:
        return self.spec.kind == "cell"

    def geometry(self) -> Geometry:
        """What the config says, without torch; a head gives every step its outputs at once."""
        if self.spec.kind == "head":
            return identity(HEAD_WIDTH)
        return self.spec.config(**self.options).geometry(self.d_in)

    def target(self) -> Any:
        """The component's own class."""
        module, _, attribute = self.spec.target.partition(":")
        return getattr(importlib.import_module(module), attribute)

    @property
    def widths(self) -> tuple[int, ...]:
        """What its constructor takes before the options."""
        layer = self.spec.kind in ("cell", "attention", "encoder", "block")
        return (self.d_in, HEAD_WIDTH) if self.spec.kind == "head" else (self.d_in,) if layer else ()

    def build(self, seed: int = 0) -> Any:
        """A new instance of it; a head has `HEAD_WIDTH` outputs."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.target()(*self.widths, **self.all_options()).eval()

    def cell(self, seed: int = 0) -> Cell:
        """The cell itself; NotApplicable for what is no cell."""
        if not self.is_cell:
            raise NotApplicable("not a cell")
        cell: Cell = self.build(seed)
        return cell

    def layer(self, seed: int = 0, *, native: bool = True) -> SequenceLayer:
        """The component as a sequence layer; a cell runs forward."""
        built = self.build(seed)
        layer: SequenceLayer = Recurrent(built, native=native) if self.is_cell else built
        return layer.eval()

    def all_options(self) -> dict[str, Any]:
        config = self.spec.config(**self.options)
        names = (option.name for option in fields(config))
        return {name: getattr(config, name) for name in names}


def random_batch(
    subject: Subject, lengths: list[int], seed: int = 1, *, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """x [B T D] with NaN on padding, lengths [B]; T is the longest."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(lengths), max(lengths), subject.d_in, generator=generator, dtype=dtype)
    for row, length in enumerate(lengths):
        x[row, length:] = float("nan")
    return x, torch.tensor(lengths)


def random_state(layer: SequenceLayer, batch: int, seed: int = 2, *, dtype: torch.dtype = torch.float32) -> State:
    """A state that a stream could reach: float slots random, counters as they start."""
    generator = torch.Generator().manual_seed(seed)
    state = first_state(layer, batch)
    for name, value in state.items():
        if value.is_floating_point():
            state[name] = torch.rand(value.shape, generator=generator, dtype=torch.float64).to(dtype)
    return state


MEMORY_LENGTHS = (5, 2, 0, 1)  # of the rows of a batch, over and over
MEMORY_STEPS = 6  # none of them fills it


def random_memory(layer: SequenceLayer, batch: int, seed: int = 4) -> Memory | None:
    """What the layer attends to, if it attends to another sequence, in its precision: NaN on padding, the third row of
    four empty.
    """
    if not layer.reads_memory:
        return None
    generator = torch.Generator().manual_seed(seed)
    dtype = next((parameter.dtype for parameter in layer.parameters()), torch.float32)
    values = torch.randn(batch, MEMORY_STEPS, layer.memory_width, generator=generator, dtype=dtype)
    lengths = torch.tensor([MEMORY_LENGTHS[row % len(MEMORY_LENGTHS)] for row in range(batch)])
    values[torch.arange(MEMORY_STEPS) >= lengths[:, None]] = float("nan")
    return Memory(values, lengths)


def first_state(layer: SequenceLayer, batch: int) -> State:
    """The initial state beside the memory of `random_memory`."""
    return layer.initial_state(batch, memory_steps=MEMORY_STEPS)


def run_whole(
    layer: SequenceLayer, x: Tensor, lengths: Tensor, state: State | None = None, memory: Memory | None = None
) -> tuple[Tensor, Tensor, State]:
    """One big chunk, over the memory given or a random one where the layer needs one."""
    state = first_state(layer, len(x)) if state is None else state
    memory = random_memory(layer, len(x)) if memory is None else memory
    result: tuple[Tensor, Tensor, State] = layer(x, lengths, state, memory)
    return result


def run_chunked(
    layer: SequenceLayer, x: Tensor, lengths: Tensor, chunk: int, state: State | None = None
) -> tuple[list[Tensor], State]:
    """The same stream in chunks of `chunk` steps: each row's outputs [T'_b D'], and the final state."""
    state = first_state(layer, len(x)) if state is None else state
    memory = random_memory(layer, len(x))
    rows: list[list[Tensor]] = [[] for _ in range(len(x))]
    for piece, piece_lengths, end in chunks(x, lengths, chunk):
        y, out_lengths, state = layer(piece, piece_lengths, state, memory, Context(end=end))
        for row, n in enumerate(out_lengths.tolist()):
            rows[row].append(y[row, :n])
    return [torch.cat(parts) for parts in rows], state


def chunks(x: Tensor, lengths: Tensor, chunk: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Pieces of at most `chunk` steps, with each row's length in the piece and whether the row ends with it."""
    for start in range(0, x.shape[1], chunk):
        stop = start + chunk
        yield x[:, start:stop], (lengths - start).clamp(0, min(chunk, x.shape[1] - start)), lengths <= stop


def same(got: Tensor, expected: Tensor, what: str, tolerance: float = 1e-5) -> None:
    """Raise CheckFailed unless both agree to `tolerance`, absolute and relative."""
    if got.shape != expected.shape:
        raise CheckFailed(f"{what}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}")
    if got.dtype != expected.dtype:
        raise CheckFailed(f"{what}: dtype {got.dtype}, expected {expected.dtype}")
    if got.numel() == 0:
        return
    if not bool(torch.isfinite(got).all()):
        raise CheckFailed(f"{what}: {int((~torch.isfinite(got)).sum())} values are not finite")
    got, expected = got.detach(), expected.detach()
    gap = (got.double() - expected.double()).abs()
    worst = float((gap - tolerance * expected.double().abs()).max())
    if worst > tolerance:
        raise CheckFailed(f"{what}: differs by {float(gap.max()):.1e}, more than {tolerance:.0e}")


def same_state(got: State, expected: State, what: str, tolerance: float = 1e-5) -> None:
    """Raise CheckFailed unless the slots and their values agree."""
    if got.keys() != expected.keys():
        raise CheckFailed(f"{what}: state has {sorted(got)}, expected {sorted(expected)}")
    for name in expected:
        same(got[name], expected[name], f"{what}, state '{name}'", tolerance)
