"""A decoder whose attention only moves forward: it stays at a memory step or goes on, never back.

    e_j  = g v . tanh(W_q h + W_k m_j) / |v| + r            p_j = sigmoid(e_j): the chance to stop at j
    a'_j = p_j sum_(k<=j) a_k (1 - p_k) ... (1 - p_(j-1))   start where the last step stopped, go on until a stop

Raffel et al. 2017, arXiv:1704.00784; the rest is that of `additive`. The expectation over all ways is computed, in
training and afterwards, from sums of log(1 - p) rather than from the paper's ratio of products, which divides by zero.
It sums to less than one where the end of the memory may be passed. In training, normal noise on e teaches it to decide.
`hard` decides in evaluation, in the graph too: the first step from the last one on with p > 1/2 gets all.
Shapes: B batch, S memory steps, A attention size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import Attending, Seen, Slot, State
from seqhub_attention.additive import AdditiveCell
from seqhub_attention.recurrence import Kind

STOPPED = -128.0  # log(1 - p) of a sure stop: exp gives 0, and sums over thousands of steps stay exact


class MonotonicCell(AdditiveCell):
    """State: h [B H] (and c), alignment [B S], begun [B 1], 0 before the first step. Output: tanh(W_o [h'; s; x])."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        attention_size: int,
        memory_width: int,
        cell: Kind,
        noise: float,
        hard: bool,
    ) -> None:
        super().__init__(d_in, hidden=hidden, attention_size=attention_size, memory_width=memory_width, cell=cell)
        self.state["begun"] = Slot((1,))
        self.noise, self.hard = noise, hard
        self.gain = nn.Parameter(torch.full((), float(attention_size or hidden) ** -0.5))
        self.offset = nn.Parameter(torch.full((), -1.0))

    def energies(self, state: State, seen: Seen) -> Tensor:
        length = torch.linalg.vector_norm(self.score.weight)
        energies: Tensor = super().energies(state, seen) * (self.gain / length) + self.offset
        return energies

    def align(self, state: State, seen: Seen) -> tuple[Tensor, State]:
        energies = self.energies(state, seen).to(state["alignment"].dtype)
        if self.training and self.noise:
            energies = energies + self.noise * torch.randn_like(energies)
        real = seen.real.to(energies.dtype)
        if self.hard and not self.training:
            stop = (energies > 0).to(energies.dtype) * real
            stay = STOPPED * stop
        else:
            stop = torch.sigmoid(energies) * real
            stay = -F.softplus(energies) * real  # log(1 - p); padding stops nothing
        begun = state["begun"]
        start = (torch.arange(real.shape[1], device=real.device) == 0).to(real.dtype)  # [S], all at the first step
        last = state["alignment"] + (1 - begun) * start
        passed = stay.cumsum(dim=1) - stay  # [B S], the sum before each step
        ways = torch.exp((passed[:, :, None] - passed[:, None]).clamp(max=0)).tril()  # [B j k]: from k to j
        alignment = stop * torch.bmm(ways, last[..., None])[..., 0]
        return alignment, {"begun": torch.ones_like(begun)}


class Monotonic(Attending):
    """State: h [B H] (and c for lstm), alignment [B S], begun [B 1]."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        attention_size: int = 0,
        memory_width: int = 0,
        cell: Kind = "gru",
        noise: float = 1.0,
        hard: bool = False,
    ) -> None:
        cell_size = {"hidden": hidden, "attention_size": attention_size, "memory_width": memory_width}
        super().__init__(MonotonicCell(d_in, **cell_size, cell=cell, noise=noise, hard=hard))
