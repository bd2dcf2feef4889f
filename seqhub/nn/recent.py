"""What a causal attention over a sliding window remembers of a stream: the last rows, and how many of them are real.

Step t may look at the steps t - window < s <= t. Keys and values of earlier chunks are carried, so that a stream cut
anywhere sees what the whole sequence sees. Shapes: B batch, T steps of the chunk, W width of a row, P = window - 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn.padding import gather_steps, valid_steps
from seqhub.nn.state import Slot, State


class Recent:
    """State: recent [B P W], the last rows, and seen [B 1], how many of them are real; none for a window of 1."""

    def __init__(self, width: int, *, window: int) -> None:
        if window < 1:
            raise ValueError(f"window is {window}, expected 1 or more")
        self.past = window - 1
        self.state: dict[str, Slot] = {}
        if self.past:
            self.state = {"recent": Slot((self.past, width)), "seen": Slot((1,), dtype="int64")}

    def __call__(self, rows: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """rows [B T W] (keys and values, say) -> the rows to look at [B P+T W], which step may look at which
        [B T P+T], and the next state. A padded step may look at all: what it finds is finite, and is to be zeroed.
        """
        steps, past = rows.shape[1], self.past
        real = valid_steps(lengths, steps)  # [B T]
        known, next_state = real, State()
        if past:
            rows = torch.cat((state["recent"].to(rows.dtype), rows), dim=1)
            old = torch.arange(past, device=rows.device) >= past - state["seen"]  # [B P]: the newest `seen`
            known = torch.cat((old, real), dim=1)
            seen = (state["seen"] + lengths[:, None]).clamp(max=past)
            next_state = {"recent": gather_steps(rows, lengths, past).to(state["recent"].dtype), "seen": seen}
        inside = self.distances(steps, rows.device)
        allowed = ((inside >= 0) & (inside <= past) & known[:, None]) | ~real[:, :, None]
        return rows, allowed, next_state

    def distances(self, steps: int, device: torch.device) -> Tensor:
        """How many steps each row lies before each step of a chunk: [T P+T], below zero where it lies after it."""
        at = torch.arange(self.past + steps, device=device)
        return at[self.past :, None] - at
