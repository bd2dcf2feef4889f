"""One layer for every column alone, with the same weights: channel independence.

    [B T C*F] -> rows [B*C T F] -> inner -> [B*C T' E] -> [B T' C*E]

A step holds C columns of F numbers each, column after column. What is learnt from one column serves all of them, and a
column is never read for another: arXiv:2211.14730, section 3.1; arXiv:2308.11200, section 4.1. The columns become rows
of a batch and are rows again behind it, so lengths, chunks and both graphs are those of the layer inside.
Shapes: B batch, T time, T' output steps, C columns, F numbers a column in, E out, H numbers a column that are answered.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from seqhub.geometry import identity
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, State, prefixed, substate


class PerColumn(SequenceLayer):
    """State: inner's slots, under `inner.`, each with an axis of C in front: [B C *shape]."""

    def __init__(self, inner: SequenceLayer, columns: int) -> None:
        if columns < 1:
            raise ValueError(f"per-column needs one column or more, got {columns}")
        if inner.reads_memory:
            raise ValueError("per-column makes rows of columns, and a memory has none: attend to it outside")
        slots = {name: dataclasses.replace(slot, shape=(columns, *slot.shape)) for name, slot in inner.state.items()}
        geometry = inner.geometry.with_width(columns * inner.d_out)
        super().__init__(columns * inner.d_in, geometry, prefixed("inner", slots))
        self.inner, self.columns = inner, columns

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.inner.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        # stack and cat, no transposed views: those would ask a traced graph whether there is one step
        rows = torch.stack(x.chunk(self.columns, dim=2), dim=1).flatten(0, 1)  # [B T C*F] -> [B*C T F]
        own = {name: value.flatten(0, 1) for name, value in substate(state, "inner").items()}
        apart = Context(end=self._each(ctx.end), dt=self._each(ctx.dt), reset=self._each(ctx.reset))
        y, out_lengths, new = self.inner(rows, self._each(lengths), own, None, apart)
        y = torch.cat(y.unflatten(0, (-1, self.columns)).unbind(1), dim=2)  # [B*C T' E] -> [B T' C*E]
        after = {name: value.unflatten(0, (-1, self.columns)) for name, value in new.items()}
        return y, out_lengths.unflatten(0, (-1, self.columns))[:, 0], prefixed("inner", after)

    def _each(self, of_row: Tensor | None) -> Tensor | None:
        """What goes with a row, for each of its columns: [B ...] -> [B*C ...]."""
        if of_row is None:
            return None
        return of_row[:, None].expand(-1, self.columns, *of_row.shape[1:]).flatten(0, 1)


class PerColumnHead(SequenceLayer):
    """z_c = W x_c + b for every column with the same W and b: [B T C*F] -> [B T H*C], the columns side by side.

    Small first outputs: an untrained model answers with the mean (or the anchor).
    """

    order: Tensor

    def __init__(self, d_in: int, d_out: int, *, columns: int) -> None:
        if d_in % columns or d_out % columns:
            raise ValueError(f"{columns} columns do not share a width of {d_in} and {d_out} outputs equally")
        super().__init__(d_in, identity(d_out))
        self.columns = columns
        self.linear = nn.Linear(d_in // columns, d_out // columns)
        outputs = torch.arange(d_out).view(columns, -1)  # [C H], as the columns give them one after the other
        self.register_buffer("order", outputs.T.flatten(), persistent=False)
        with torch.no_grad():
            self.linear.weight.mul_(0.1)
            self.linear.bias.zero_()

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        apart = zero_padding(x, lengths).unflatten(2, (self.columns, -1))  # type: ignore[no-untyped-call]
        each = self.linear(apart)  # [B T C F] -> [B T C H]
        return zero_padding(each.flatten(2).index_select(2, self.order), lengths), lengths, {}
