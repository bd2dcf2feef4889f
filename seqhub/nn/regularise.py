"""Noise inside a recurrent layer, drawn once for a sequence and never inside a cell.

    input_dropout      zeroes input columns, the same ones at every step of a row    arXiv:1512.05287
    recurrent_dropout  zeroes recurrent weights, the same ones at every step         arXiv:1708.02182
    zoneout            lets a unit keep its state for a step, each step anew         arXiv:1606.01305

Why recurrent dropout acts on weights and not on h: a gated cell also carries h over to the next step, and a mask there
would wipe it out or, scaled up to stay unbiased, make it grow from step to step. And fused kernels stay in use.

In evaluation nothing is drawn. The two dropouts are then off: what is kept is scaled up in training, so that the mean
is right. Zoneout takes its mean, as in the paper: h' = rate * h + (1 - rate) * step(h). Truncated training draws anew
for each chunk. Shapes: B batch, T time, D input width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from seqhub.nn.cell import Cell, LinearCell, Projected
from seqhub.nn.engines import run_cell
from seqhub.nn.roles import is_the_gain
from seqhub.nn.state import Context, State


@dataclass(frozen=True)
class Regularisation:
    """Rates, each 0 <= rate < 1."""

    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate < 1:
                raise ValueError(f"{field.name} is {rate}, expected 0 <= rate < 1")


NONE = Regularisation()


class Regularised:
    """One cell with its noise; a plain object, so that the cell keeps its parameters' names. ValueError where the cell
    has nothing that the noise could act on.
    """

    def __init__(self, cell: Cell, rates: Regularisation) -> None:
        self.cell, self.rates = cell, rates
        self.dropped = tuple(
            role.name for role in cell.roles() if role.kind == "recurrent" or role.write is is_the_gain
        )
        if rates.recurrent_dropout and not self.dropped:
            raise ValueError(
                f"recurrent_dropout is {rates.recurrent_dropout}, but {type(cell).__name__} has no recurrent weights"
            )
        self.active = zoned(cell, rates.zoneout) if rates.zoneout else cell

    def __call__(self, x: Tensor, lengths: Tensor, state: State, ctx: Context, *, native: bool) -> tuple[Tensor, State]:
        """As `run_cell`: x [B T D] with zeros on padding -> y [B T O], next state."""
        if self.cell.training and self.rates.input_dropout:
            kept = F.dropout(torch.ones_like(x[:, :1]), self.rates.input_dropout)
            x = x * kept  # [B 1 D]: one draw for all steps
        if not self.cell.training or not self.rates.recurrent_dropout:
            return run_cell(self.active, x, lengths, state, ctx, native=native)
        prefix = "cell.inner." if self.rates.zoneout else "cell."
        weights = {
            prefix + name: F.dropout(self.cell.get_parameter(name), self.rates.recurrent_dropout)
            for name in self.dropped
        }
        result: tuple[Tensor, State] = functional_call(_Runner(self.active), weights, (x, lengths, state, ctx, native))
        return result


class _Runner(nn.Module):
    """`run_cell` as a module, for `functional_call`."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, lengths: Tensor, state: State, ctx: Context, native: bool) -> tuple[Tensor, State]:
        return run_cell(self.cell, x, lengths, state, ctx, native=native)


def zoned(cell: Cell, rate: float) -> Cell:
    """The cell with zoneout, as another cell of the same kind: so that every engine and graph can run it."""
    slots = tuple(
        name for name, slot in cell.state.items() if slot.dtype.startswith("float") and name not in cell.no_zoneout
    )
    if isinstance(cell, LinearCell):
        return _ZonedLinear(cell, rate, slots)
    if cell.kind != "step" or not slots:
        what = f"a {cell.kind} cell" if slots else "no state that could be kept"
        raise ValueError(f"zoneout is {rate}, but {type(cell).__name__} has {what}; it takes a step or linear cell")
    return _ZonedStep(cell, rate, slots)


def _draw(cell: Cell, x: Tensor, rate: float, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """For each slot, which units stay as they were: [B T *shape] bool; nothing in evaluation."""
    if not cell.training:
        return {}
    return {name: torch.rand(*x.shape[:2], *shape, device=x.device) < rate for name, shape in shapes.items()}


class _ZonedStep(Cell):
    """State and output: the inner cell's."""

    def __init__(self, inner: Cell, rate: float, slots: tuple[str, ...]) -> None:
        super().__init__(inner.d_in, output_size=inner.output_size, state=inner.state, inlet=inner.inlet)
        self.inner, self.rate = inner, rate
        self.shapes = {name: inner.state[name].shape for name in slots}

    def project(self, x: Tensor) -> Projected:
        return self.inner.project(x), _draw(self.inner, x, self.rate, self.shapes)

    def step(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        projected, stays = p
        y, new = self.inner.step(projected, state, ctx)
        mixed = dict(new)
        for name in self.shapes:
            if stays:
                mixed[name] = torch.where(stays[name], state[name], new[name])
            else:
                mixed[name] = torch.lerp(new[name].to(state[name].dtype), state[name], self.rate)
            if y is new[name]:  # an output that is a slot is the slot after zoneout
                y = mixed[name]
        return y, mixed

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        return self.inner.readout(y, x)


class _ZonedLinear(LinearCell):
    """The same in the coefficients, h' = a h + b: a kept unit has a = 1 and b = 0. So it stays parallel over time."""

    def __init__(self, inner: LinearCell, rate: float, slots: tuple[str, ...]) -> None:
        super().__init__(inner.d_in, output_size=inner.output_size, state=inner.state, inlet=inner.inlet)
        self.inner, self.rate = inner, rate
        self.complex_slots = inner.complex_slots
        shapes = {name: inner.state[name].shape for name in slots}
        self.shapes = {name: (*s[:-1], 1) if name in self.complex_slots else s for name, s in shapes.items()}

    def project(self, x: Tensor) -> Projected:
        return self.inner.project(x), _draw(self.inner, x, self.rate, self.shapes)

    def coeffs(self, p: Projected, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        projected, stays = p
        mixed: dict[str, tuple[Tensor, Tensor]] = {}
        for name, (a, b) in self.inner.coeffs(projected, ctx).items():
            one: Any = a.new_tensor((1.0, 0.0)) if name in self.complex_slots else a.new_ones(())
            if name not in self.shapes:
                mixed[name] = (a, b)
            elif stays:
                mixed[name] = torch.where(stays[name], one, a), torch.where(stays[name], torch.zeros_like(b), b)
            else:
                mixed[name] = self.rate * one + (1 - self.rate) * a, (1 - self.rate) * b
        return mixed

    def emit(self, h: State, p: Projected) -> Tensor:
        return self.inner.emit(h, p[0])

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        return self.inner.readout(y, x)
