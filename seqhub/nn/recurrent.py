"""A cell over time: forward, reverse, or both ways."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from seqhub.geometry import INF, Geometry, recurrent_geometry
from seqhub.nn.cell import Cell
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import reverse_steps, zero_padding
from seqhub.nn.regularise import NONE, Regularisation, Regularised
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate

Direction = Literal["forward", "reverse", "bidirectional"]
Merge = Literal["concat", "sum", "mean"]


class Recurrent(SequenceLayer):
    """State: the cell's own slots; for bidirectional, each direction's under `forward.` and `backward.`.

    The reverse direction starts at each row's own last valid step, never in its padding.
    """

    def __init__(
        self,
        cell: Cell,
        *,
        direction: Direction = "forward",
        backward_cell: Cell | None = None,
        merge: Merge = "concat",
        native: bool = True,
        regularisation: Regularisation = NONE,
    ) -> None:
        if direction not in get_args(Direction):
            raise ValueError(f"direction is {direction!r}, expected one of {get_args(Direction)}")
        if merge not in get_args(Merge):
            raise ValueError(f"merge is {merge!r}, expected one of {get_args(Merge)}")
        if (direction == "bidirectional") != (backward_cell is not None):
            raise ValueError(f"direction is {direction!r}: a backward_cell goes with 'bidirectional', and only with it")
        slots: dict[str, Slot] = cell.slots
        if backward_cell is not None:
            slots = {**prefixed("forward", cell.slots), **prefixed("backward", backward_cell.slots)}
        own = Geometry(width=cell.output_size, past=INF)
        super().__init__(cell.d_in, recurrent_geometry(own, direction, merge), slots)
        self.cell, self.backward_cell = cell, backward_cell
        self.direction, self.merge, self.native = direction, merge, native
        # A plain tuple: what it holds is not registered, so that parameters keep their names, `cell.` and so on.
        cells = (cell,) if backward_cell is None else (cell, backward_cell)
        self._runs = tuple(Regularised(each, regularisation) for each in cells)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        if self.backward_cell is not None:
            y, next_state = self._runs[0](x, lengths, substate(state, "forward"), ctx, native=self.native)
            z, back_state = self._reversed(self._runs[1], x, lengths, substate(state, "backward"), ctx)
            both = {**prefixed("forward", next_state), **prefixed("backward", back_state)}
            return self._merged(y, z), lengths, both
        if self.direction == "reverse":
            y, next_state = self._reversed(self._runs[0], x, lengths, state, ctx)
        else:
            y, next_state = self._runs[0](x, lengths, state, ctx, native=self.native)
        return y, lengths, next_state

    def _reversed(
        self, run: Regularised, x: Tensor, lengths: Tensor, state: State, ctx: Context
    ) -> tuple[Tensor, State]:
        turned = Context(
            dt=reverse_steps(ctx.dt, lengths) if ctx.dt is not None else None,
            reset=reverse_steps(ctx.reset, lengths) if ctx.reset is not None else None,
        )
        y, next_state = run(reverse_steps(x, lengths), lengths, state, turned, native=self.native)
        return reverse_steps(y, lengths), next_state

    def _merged(self, y: Tensor, z: Tensor) -> Tensor:
        if self.merge == "concat":
            return torch.cat((y, z), dim=-1)
        return y + z if self.merge == "sum" else (y + z) / 2
