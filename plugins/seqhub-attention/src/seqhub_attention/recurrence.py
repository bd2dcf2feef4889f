"""The recurrent step inside a decoder: an LSTM or a GRU whose input comes in two parts, x before the loop and what is
attended to inside it.

    lstm   i f g o = W x + V a + U h + b;   c' = sigmoid(f) c + sigmoid(i) tanh(g);   h' = sigmoid(o) tanh(c')
    gru    r z n   = W x + V a + b,  U h + b';   n = tanh(n + sigmoid(r) (U_n h + b'_n));   h' = (1 - z) n + z h

Shapes: B batch, T steps, D input width, A attended width, H hidden width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqhub.nn import Slot, State

Kind = Literal["lstm", "gru"]


class Recurrence(nn.Module):
    """State: h [B H], and c [B H] for lstm. attended: width of what is attended to, 0 where it does not enter."""

    def __init__(self, d_in: int, *, attended: int, hidden: int, kind: Kind) -> None:
        super().__init__()
        gates = 4 if kind == "lstm" else 3
        self.kind = kind
        self.slots = {name: Slot((hidden,)) for name in ("hc" if kind == "lstm" else "h")}
        self.x_proj = nn.Linear(d_in, gates * hidden)
        self.a_proj = nn.Linear(attended, gates * hidden, bias=False) if attended else None
        self.h_proj = nn.Linear(hidden, gates * hidden, bias=kind == "gru")
        for block in self.h_proj.weight.data.chunk(gates):
            nn.init.orthogonal_(block)
        nn.init.zeros_(self.x_proj.bias)
        if kind == "lstm":
            nn.init.ones_(self.x_proj.bias.data[hidden : 2 * hidden])  # forget gate

    def project(self, x: Tensor) -> Tensor:
        """What x adds to the gates: [B T D] -> [B T gates*H]."""
        p: Tensor = self.x_proj(x)
        return p

    def step(self, p: Tensor, attended: Tensor | None, state: State) -> State:
        """p [B gates*H], attended [B A] -> the new h, and c."""
        h = state["h"]
        if self.a_proj is not None:
            p = p + self.a_proj(attended)
        if self.kind == "lstm":
            i, f, g, o = (p + self.h_proj(h)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * state["c"] + torch.sigmoid(i) * torch.tanh(g)
            return {"h": torch.sigmoid(o) * torch.tanh(c), "c": c}
        x_r, x_z, x_n = p.chunk(3, dim=-1)
        h_r, h_z, h_n = self.h_proj(h).chunk(3, dim=-1)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
        z = torch.sigmoid(x_z + h_z)
        return {"h": (1 - z) * n + z * h}
