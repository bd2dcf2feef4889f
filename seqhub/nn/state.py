"""State: what a layer carries from one chunk to the next, by name and with declared shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

_T = TypeVar("_T")
_A = TypeVar("_A", int, str)
State = dict[str, Tensor]  # each [B, *slot.shape]


@dataclass(frozen=True)
class Slot:
    """One carried tensor, batch axis excluded. Floating slots are kept in float32 (float64 in a float64 model).

    shape: one axis at least, none of size 0 (onnxruntime refuses empty states; a counter is `(1,)`).
    over_memory: one more axis, in front of `shape`: the steps of the memory that is attended to, [B S *shape]. Its size
    is that of the memory given, so `shape` may be empty: an alignment is `Slot((), over_memory=True)`, [B S].
    """

    shape: tuple[int, ...]
    init: float = 0.0
    dtype: str = "float32"
    over_memory: bool = False

    def __post_init__(self) -> None:
        if (not self.shape and not self.over_memory) or min(self.shape, default=1) < 1:
            raise ValueError(f"a state slot needs a shape of one or more axes, none of size 0; got {self.shape}")

    @property
    def numel(self) -> int:
        """Numbers a row; of a slot over the memory, for each step of it."""
        return math.prod(self.shape)

    def axes(self, batch: _A, memory_steps: _A) -> tuple[_A | int, ...]:
        """The whole shape, batch axis included; sizes or the names of free dimensions."""
        return (batch, memory_steps, *self.shape) if self.over_memory else (batch, *self.shape)

    def tensor(
        self,
        batch: int,
        *,
        memory_steps: int = 0,
        device: torch.device | None = None,
        like: torch.dtype = torch.float32,
    ) -> Tensor:
        """The initial value for `batch` rows, `[B, *shape]`; a float slot takes float64 if `like` is float64.

        memory_steps: S of the memory; ValueError where a slot over the memory is not given it.
        """
        if self.over_memory and memory_steps < 1:
            raise ValueError(f"a state over the memory needs memory_steps, the memory's time axis; got {memory_steps}")
        dtype = getattr(torch, self.dtype)
        if dtype.is_floating_point and like == torch.float64:
            dtype = like
        return torch.full(self.axes(batch, memory_steps), self.init, dtype=dtype, device=device)


class Memory(NamedTuple):
    """Another sequence to attend to: values [B S E], lengths [B]. Steps from a row's length on may hold anything."""

    values: Tensor
    lengths: Tensor


class Context(NamedTuple):
    """What may accompany a sequence. Every field is optional, and containers pass it on.

    end: [B] bool, rows that end with this chunk; None means that every row does (a whole sequence). Only layers with
        look-ahead read it: they hold back the outputs that still wait for input, and give them when the row ends.
    dt: [B T] seconds since the previous step (inside `Cell.step`: [B 1]), for continuous-time cells.
    reset: [B T] bool (inside `Cell.step`: never), steps at which a recurrent state starts afresh.
    skips: outputs of earlier layers by name, (y [B T D], lengths [B]) each, for the `Skip` layers that join them.
    """

    end: Tensor | None = None
    dt: Tensor | None = None
    reset: Tensor | None = None
    skips: Mapping[str, tuple[Tensor, Tensor]] | None = None


WHOLE = Context()


def substate(state: State, prefix: str) -> State:
    """The entries under `prefix.`, without it."""
    head = prefix + "."
    return {name[len(head) :]: value for name, value in state.items() if name.startswith(head)}


def prefixed(prefix: str, entries: Mapping[str, _T]) -> dict[str, _T]:
    """Slots, or the tensors of a state, under `prefix.`: the inverse of `substate`."""
    return {f"{prefix}.{name}": entry for name, entry in entries.items()}


def check_state(state: State, slots: Mapping[str, Slot], batch: int, memory_steps: int = 0) -> None:
    """Raise ValueError unless `state` has exactly the declared slots with their shapes, `memory_steps` of them S."""
    missing, unknown = sorted(slots.keys() - state.keys()), sorted(state.keys() - slots.keys())
    if missing or unknown:
        raise ValueError(f"state keys: missing {missing}, unknown {unknown}; declared: {sorted(slots)}")
    for name, slot in slots.items():
        expected = slot.axes(batch, memory_steps)
        if tuple(state[name].shape) != expected:
            raise ValueError(f"state '{name}' has shape {tuple(state[name].shape)}, expected {expected}")
