"""Decoders with additive attention: the state before a step asks, what it finds enters the step.

    e_j = v . tanh(W_q h + W_k m_j + ...)     how well memory step j fits
    a   = align(e)                            softmax, unless a subclass says otherwise
    s   = sum_j a_j m_j                       the context
    h'  = cell([x; s], h)
    y   = tanh(W_o [h'; s; x])

Bahdanau et al. 2014, arXiv:1409.0473. Differs from the paper: one tanh layer stands where it has a maxout layer over
the same three, and h' in place of h in it, as in later decoders.
Shapes: B batch, T target steps, S memory steps, D input width, E memory width, A attention size, H hidden width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import ALIGNMENT, Attending, AttendingCell, Seen, State, masked_softmax
from seqhub_attention.recurrence import Kind, Recurrence


class AdditiveCell(AttendingCell):
    """State: h [B H] (and c), alignment [B S]. Output: tanh(W_o [h'; s; x])."""

    def __init__(self, d_in: int, *, hidden: int, attention_size: int, memory_width: int, cell: Kind) -> None:
        width, size = memory_width or d_in, attention_size or hidden
        recurrence = Recurrence(d_in, attended=width, hidden=hidden, kind=cell)
        slots = {**recurrence.slots, "alignment": ALIGNMENT}
        super().__init__(d_in, memory_width=width, output_size=hidden, state=slots)
        self.recurrence = recurrence
        self.query = nn.Linear(hidden, size, bias=False)
        self.key = nn.Linear(width, size)
        self.score = nn.Linear(size, 1, bias=False)
        self.out = nn.Linear(hidden + width + d_in, hidden)

    def project(self, x: Tensor) -> Tensor:
        return self.recurrence.project(x)

    def keys(self, values: Tensor) -> Tensor:  # [B S E] -> [B S A]
        keys: Tensor = self.key(values)
        return keys

    def look(self, p: Tensor, state: State, seen: Seen) -> tuple[Tensor, State]:
        alignment, further = self.align(state, seen)
        context = weighted(alignment, seen.values)
        new = self.recurrence.step(p, context, state)
        return torch.cat((new["h"], context), dim=-1), {**new, "alignment": alignment, **further}

    def align(self, state: State, seen: Seen) -> tuple[Tensor, State]:
        """The alignment [B S], and what else is carried for the next one."""
        return masked_softmax(self.energies(state, seen), seen.real), {}

    def energies(self, state: State, seen: Seen) -> Tensor:
        """How well each memory step fits, [B S]."""
        fit = torch.tanh(self.query(state["h"])[:, None] + seen.keys)  # [B S A]
        energies: Tensor = self.score(fit)[..., 0]
        return energies

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H+E], [B T D] -> [B T H]
        return torch.tanh(self.out(torch.cat((y, x), dim=-1)))


class Bahdanau(Attending):
    """State: h [B H] (and c [B H] for lstm), alignment [B S]."""

    def __init__(
        self, d_in: int, *, hidden: int, attention_size: int = 0, memory_width: int = 0, cell: Kind = "gru"
    ) -> None:
        size = {"hidden": hidden, "attention_size": attention_size, "memory_width": memory_width}
        super().__init__(AdditiveCell(d_in, **size, cell=cell))


def weighted(alignment: Tensor, values: Tensor) -> Tensor:
    """The sum of the values by their weights: [B S], [B S E] -> [B E]."""
    return torch.bmm(alignment[:, None].to(values.dtype), values)[:, 0]
