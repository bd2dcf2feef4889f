"""A head that answers a horizon segment by segment: a step of a gated recurrent unit for each, all from one state.

    h_cj = GRU(e_cj, x_c)        e_cj = [position_j, column_c]         c < C columns, j < H / S segments
    z_cj = W drop(h_cj) + b      the S steps of segment j

What the blocks gave at a step is the state of every segment, and what is learnt of a segment's place and of a column is
its input: the parallel decoder of SegRNN, Lin et al. 2023, arXiv:2308.11200, section 4.2. No segment waits for another,
and nothing is carried from step to step, so it streams. Differs: the unit has weights of its own, where the paper takes
those of its encoder. Shapes: B batch, T time, C columns, F numbers a column, H steps of the horizon, S steps a segment.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.geometry import identity
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, State


class PerSegmentHead(SequenceLayer):
    """[B T C*F] -> [B T H*C], the columns side by side.

    Small first outputs: an untrained model answers with the mean (or the anchor). ValueError where the columns do not
    share both widths equally, or the segments not the horizon.
    """

    def __init__(self, d_in: int, d_out: int, *, length: int, columns: int = 1, dropout: float = 0.0) -> None:
        if d_in % columns or d_out % columns:
            raise ValueError(f"{columns} columns do not share a width of {d_in} and {d_out} outputs equally")
        horizon, width = d_out // columns, d_in // columns
        if horizon % length:
            raise ValueError(f"a horizon of {horizon} steps is no multiple of a segment of {length}")
        super().__init__(d_in, identity(d_out))
        self.columns, self.segments = columns, horizon // length
        self.position = nn.Parameter(torch.randn(self.segments, width - width // 2))
        self.column = nn.Parameter(torch.randn(columns, width // 2))
        self.x_proj = nn.Linear(width, 3 * width)  # rows: [r | z | n], torch's order
        self.h_proj = nn.Linear(width, 3 * width)
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(width, length)
        with torch.no_grad():
            for rows in self.x_proj.weight.chunk(3):
                nn.init.xavier_uniform_(rows)
            for rows in self.h_proj.weight.chunk(3):
                nn.init.orthogonal_(rows)
            self.linear.weight.mul_(0.1)
            for each in (self.x_proj, self.h_proj, self.linear):
                nn.init.zeros_(each.bias)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        apart = zero_padding(x, lengths).unflatten(2, (self.columns, -1))  # type: ignore[no-untyped-call]
        h = apart.unsqueeze(3)  # [B T C 1 F]
        x_r, x_z, x_n = self.x_proj(self._places()).chunk(3, dim=-1)  # 3 x [C N F]
        h_r, h_z, h_n = self.h_proj(h).chunk(3, dim=-1)  # 3 x [B T C 1 F], once for all segments
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)  # [B T C N F]
        z = torch.sigmoid(x_z + h_z)
        each = self.linear(self.drop(n + z * (h - n)))  # [B T C N S]
        y = each.flatten(3).transpose(2, 3).flatten(2)  # [B T C H] -> [B T H*C]
        return zero_padding(y, lengths), lengths, {}

    def _places(self) -> Tensor:
        """What tells a column's segment from every other: [C N F]."""
        position = self.position.expand(self.columns, -1, -1)
        column = self.column.unsqueeze(1).expand(-1, self.segments, -1)
        return torch.cat((position, column), dim=-1)
