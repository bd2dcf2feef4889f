"""A head that answers a horizon segment by segment: a step of a gated recurrent unit for each, all from one state.

    h_cj = cell(e_cj, x_c)       e_cj = [position_j, column_c]         c < C columns, j < H / S segments
    z_cj = W drop(h_cj) + b      the S steps of segment j

What the blocks gave at a step is the state of every segment, and what is learnt of a segment's place and of a column is
its input: the parallel decoder of SegRNN, Lin et al. 2023, arXiv:2308.11200, section 4.2. No segment waits for another,
and nothing is carried from step to step, so it streams. The cell is that of a block before, weights and all, as in the
paper, or a gated recurrent unit of the head's own.
Shapes: B batch, T time, C columns, F numbers a column, H steps of the horizon, S steps a segment, N segments.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from seqhub.geometry import identity
from seqhub.nn.cell import Cell
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State


class PerSegmentHead(SequenceLayer):
    """[B T C*F] -> [B T H*C], the columns side by side.

    cell_of: any cell whose one slot is its output, of width F, over inputs of width F; None makes one.
    Its last map starts as large as torch's: a tenth of that, which other heads start with, costs this one an epoch.
    ValueError where the columns do not share both widths equally, the segments do not share the horizon, or the cell is
    another kind.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        length: int,
        columns: int = 1,
        dropout: float = 0.0,
        cell_of: Cell | None = None,
    ) -> None:
        if d_in % columns or d_out % columns:
            raise ValueError(f"{columns} columns do not share a width of {d_in} and {d_out} outputs equally")
        horizon, width = d_out // columns, d_in // columns
        if horizon % length:
            raise ValueError(f"a horizon of {horizon} steps is no multiple of a segment of {length}")
        super().__init__(d_in, identity(d_out))
        self.columns, self.segments = columns, horizon // length
        self.position = nn.Parameter(torch.randn(self.segments, width - width // 2))
        self.column = nn.Parameter(torch.randn(columns, width // 2))
        self.cell = _Unit(width) if cell_of is None else cell_of
        self.slot = _only_slot(self.cell, width)
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(width, length)
        nn.init.zeros_(self.linear.bias)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        apart = zero_padding(x, lengths).unflatten(2, (self.columns, -1))  # type: ignore[no-untyped-call]
        h = apart.unsqueeze(3).expand(-1, -1, -1, self.segments, -1).flatten(2, 3).flatten(0, 1)  # [B*T C*N F]
        places = self._places()
        rows, each = h.shape[0], places.shape[1]
        projected = tree_map(lambda p: p.expand(rows, *p.shape[1:]).flatten(0, 1), self.cell.project(places))
        out, _ = self.cell.step(projected, {self.slot: h.flatten(0, 1)}, WHOLE)  # [B*T*C*N F]
        z = self.cell.readout(out.view(rows, each, -1), places.expand(rows, -1, -1))
        steps = self.linear(self.drop(z)).view(*x.shape[:2], self.columns, -1)  # [B T C H], segment after segment
        y = steps.transpose(2, 3).flatten(2)
        return zero_padding(y, lengths), lengths, {}

    def _places(self) -> Tensor:
        """What tells a column's segment from every other: [1 C*N F]."""
        position = self.position.expand(self.columns, -1, -1)
        column = self.column.unsqueeze(1).expand(-1, self.segments, -1)
        return torch.cat((position, column), dim=-1).flatten(0, 1).unsqueeze(0)


class _Unit(Cell):
    """Gated recurrent unit, Cho et al. 2014, arXiv:1406.1078, that reads as wide as it remembers."""

    def __init__(self, width: int) -> None:
        super().__init__(width, output_size=width, state={"h": Slot((width,))})
        self.x_proj = nn.Linear(width, 3 * width)  # rows: [r | z | n], torch's order
        self.h_proj = nn.Linear(width, 3 * width)
        for rows in self.x_proj.weight.chunk(3):
            nn.init.xavier_uniform_(rows)
        for rows in self.h_proj.weight.chunk(3):
            nn.init.orthogonal_(rows)
        for each in (self.x_proj, self.h_proj):
            nn.init.zeros_(each.bias)

    def project(self, x: Tensor) -> Tensor:  # [B T F] -> [B T 3F]
        y: Tensor = self.x_proj(x)
        return y

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = state["h"]
        x_r, x_z, x_n = p.chunk(3, dim=-1)  # 3 x [B F]
        h_r, h_z, h_n = self.h_proj(h).chunk(3, dim=-1)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
        z = torch.sigmoid(x_z + h_z)
        h = n + z * (h - n)
        return h, {"h": h}


def _only_slot(cell: Cell, width: int) -> str:
    """The name of the slot that a step starts from and gives."""
    if cell.d_in != width or cell.output_size != width:
        raise ValueError(f"a cell from width {cell.d_in} to {cell.output_size} does not suit columns of width {width}")
    if [slot.shape for slot in cell.slots.values()] != [(width,)]:
        kept = ", ".join(f"{name} {list(slot.shape)}" for name, slot in cell.slots.items())
        raise ValueError(f"a segment starts from one slot of width {width}, but the cell carries {kept or 'nothing'}")
    return next(iter(cell.slots))
