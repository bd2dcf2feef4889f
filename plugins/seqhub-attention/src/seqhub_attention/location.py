"""A decoder whose attention knows where it was: the last alignment, convolved, is part of the score.

    f   = conv(a)                                  `filters` features of the alignment around each memory step
    e_j = v . tanh(W_q h + W_k m_j + W_f f_j)

Chorowski et al. 2015, arXiv:1506.07503, equations 8 and 9; the rest is that of `additive`. The first step has no last
alignment: a is zero. Shapes: B batch, S memory steps, A attention size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Attending, Seen, State
from seqhub_attention.additive import AdditiveCell
from seqhub_attention.recurrence import Kind


class LocationCell(AdditiveCell):
    """State: h [B H] (and c), alignment [B S]. Output: tanh(W_o [h'; s; x])."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        attention_size: int,
        memory_width: int,
        cell: Kind,
        filters: int,
        kernel: int,
    ) -> None:
        super().__init__(d_in, hidden=hidden, attention_size=attention_size, memory_width=memory_width, cell=cell)
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}: it has no middle, use an odd one")
        self.conv = nn.Conv1d(1, filters, kernel, padding=kernel // 2, bias=False)
        self.feature = nn.Linear(filters, attention_size or hidden, bias=False)

    def energies(self, state: State, seen: Seen) -> Tensor:
        around = self.conv(state["alignment"][:, None]).mT  # [B S filters]
        fit = torch.tanh(self.query(state["h"])[:, None] + seen.keys + self.feature(around))  # [B S A]
        energies: Tensor = self.score(fit)[..., 0]
        return energies


class LocationAware(Attending):
    """State: h [B H] (and c for lstm), alignment [B S]."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        attention_size: int = 0,
        memory_width: int = 0,
        cell: Kind = "gru",
        filters: int = 10,
        kernel: int = 15,
    ) -> None:
        cell_size = {"hidden": hidden, "attention_size": attention_size, "memory_width": memory_width}
        super().__init__(LocationCell(d_in, **cell_size, cell=cell, filters=filters, kernel=kernel))
