"""Decoders with multiplicative attention: the state after a step asks.

    h'  = cell(x, h)                       with input feeding cell([x; o], h), o the last output
    e_j = h' . m_j                         dot
          h' . (W m_j)                     general
          v . tanh(W_q h' + W_k m_j)       concat
    a   = softmax(e)
    o'  = tanh(W_c [sum_j a_j m_j ; h'])

and with `reach` D, local attention (local-p): a softmax over the steps within D of a predicted place, which also loses
weight with distance, so that it need not sum to one:

    p = S sigmoid(v_p . tanh(W_p h'));   a_j = softmax over |j - p| <= D of e_j, times exp(-2 (j - p)^2 / D^2)

Luong et al. 2015, arXiv:1508.04025. Shapes: B batch, T target steps, S memory steps, E memory width, H hidden width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqhub.nn import ALIGNMENT, Attending, AttendingCell, Seen, Slot, State, masked_softmax
from seqhub_attention.additive import weighted
from seqhub_attention.recurrence import Kind, Recurrence

Score = Literal["dot", "general", "concat"]


class LuongCell(AttendingCell):
    """State: h [B H] (and c), alignment [B S], fed [B H] with input feeding. Output: o'."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        score: Score,
        attention_size: int,
        memory_width: int,
        cell: Kind,
        input_feeding: bool,
        reach: int,
    ) -> None:
        width, size = memory_width or d_in, attention_size or hidden
        if score == "dot" and width != hidden:
            raise ValueError(f"score dot compares a state of {hidden} with a memory of {width}: they must be as wide")
        recurrence = Recurrence(d_in, attended=hidden if input_feeding else 0, hidden=hidden, kind=cell)
        slots = {**recurrence.slots, "alignment": ALIGNMENT}
        if input_feeding:
            slots["fed"] = Slot((hidden,))
        super().__init__(d_in, memory_width=width, output_size=hidden, state=slots)
        self.recurrence, self.kind, self.feeds, self.reach = recurrence, score, input_feeding, reach
        if score == "general":
            self.key = nn.Linear(width, hidden, bias=False)
        elif score == "concat":
            self.key = nn.Linear(width, size)
            self.query = nn.Linear(hidden, size, bias=False)
            self.score = nn.Linear(size, 1, bias=False)
        if reach:
            self.place = nn.Sequential(nn.Linear(hidden, size), nn.Tanh(), nn.Linear(size, 1))
        self.out = nn.Linear(width + hidden, hidden)

    def project(self, x: Tensor) -> Tensor:
        return self.recurrence.project(x)

    def keys(self, values: Tensor) -> Tensor:  # [B S E] -> [B S H], or [B S A] for concat
        keys: Tensor = values if self.kind == "dot" else self.key(values)
        return keys

    def look(self, p: Tensor, state: State, seen: Seen) -> tuple[Tensor, State]:
        new = self.recurrence.step(p, state.get("fed"), state)
        alignment = self.align(new["h"], seen)
        both = torch.cat((weighted(alignment, seen.values), new["h"]), dim=-1)  # [B E+H]
        new["alignment"] = alignment
        if not self.feeds:
            return both, new
        new["fed"] = self.attended(both)
        return new["fed"], new

    def align(self, h: Tensor, seen: Seen) -> Tensor:
        """[B H] -> [B S]."""
        if self.kind == "concat":
            energies = self.score(torch.tanh(self.query(h)[:, None] + seen.keys))[..., 0]
        else:
            energies = torch.bmm(seen.keys, h[..., None].to(seen.keys.dtype))[..., 0]
        if not self.reach:
            return masked_softmax(energies, seen.real)
        steps = torch.arange(seen.real.shape[1], device=h.device, dtype=h.dtype)
        at = seen.real.sum(dim=1, keepdim=True) * torch.sigmoid(self.place(h))  # [B 1]
        gap = steps - at  # [B S]
        inside = seen.real * (gap.abs() <= self.reach).to(seen.real.dtype)
        return masked_softmax(energies, inside) * torch.exp(-2 * (gap / self.reach) ** 2)

    def attended(self, both: Tensor) -> Tensor:
        return torch.tanh(self.out(both))

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        return y if self.feeds else self.attended(y)


class Luong(Attending):
    """State: h [B H] (and c for lstm), alignment [B S], fed [B H] with input feeding."""

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        score: Score = "general",
        attention_size: int = 0,
        memory_width: int = 0,
        cell: Kind = "lstm",
        input_feeding: bool = True,
        reach: int = 0,
    ) -> None:
        super().__init__(
            LuongCell(
                d_in,
                hidden=hidden,
                score=score,
                attention_size=attention_size,
                memory_width=memory_width,
                cell=cell,
                input_feeding=input_feeding,
                reach=reach,
            )
        )
