"""Layers at a slower rate: blocks of steps become one step, and what comes of it is held until the next.

    z_k = mean (or last, or max) of x over the steps k*f .. k*f + f - 1        k = 0 .. L // f - 1
    u   = inner(z)
    y_t = u_[(t + 1) // f - 1]                                                 zero before the first block is complete

Step t is answered with the newest block that is complete at t, never with its own unfinished one: no output depends on
a later input (as long as inner does not look ahead), every step has an output at once, and L steps give L outputs.
The shift by one block is that of hierarchical language models, arXiv:2110.13711.
Shapes: B batch, T steps, K blocks, D width in, E width out, f factor.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from seqhub.geometry import INF, resample_geometry, window_geometry
from seqhub.nn.blocks import beyond
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import gather_steps, zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate
from seqhub.nn.window import Window

Keep = Literal["mean", "last", "max"]


class Resample(SequenceLayer):
    """State: the open block's steps, the block that is held [B 1 E], how many steps it has been held [B 1], inner's
    slots under `inner.`; where inner gives its outputs late, also how many steps have no output yet [B 1].
    """

    def __init__(self, inner: SequenceLayer, *, factor: int, keep: Keep = "mean") -> None:
        if keep not in get_args(Keep):
            raise ValueError(f"keep is {keep!r}, expected one of {get_args(Keep)}")
        if inner.geometry.ratio != 1:
            raise ValueError(f"what is resampled gives one step a step, but inner gives {inner.geometry.ratio}")
        d_in, geometry = inner.d_in, inner.geometry
        window = Window(d_in, past=0, stride=factor)
        slots = {"held": Slot((1, inner.d_out)), "phase": Slot((1,), dtype="int64")}
        late = int(0 if geometry.future == INF else geometry.future) + geometry.block - 1
        if late:
            slots["owed"] = Slot((1,), dtype="int64")
        slots = {**prefixed("window", window.state), **slots, **prefixed("inner", inner.state)}
        super().__init__(d_in, resample_geometry(geometry, factor), slots)
        self.inner, self.window, self.factor, self.keep, self.late = inner, window, factor, keep, late * factor

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        ctx = beyond(ctx, "resample", window_geometry(self.d_in, kernel=self.factor, stride=self.factor))
        going_on = torch.zeros_like(lengths, dtype=torch.bool)  # what fills no block at a row's end is never read
        buffer, counts, open_block = self.window(
            zero_padding(x, lengths), lengths, substate(state, "window"), going_on
        )  # [B K*f D], [B]
        low = zero_padding(self._pooled(buffer.reshape(x.shape[0], -1, self.factor, self.d_in)), counts)  # [B K D]
        u, blocks, new = self.inner(low, counts, substate(state, "inner"), memory, ctx)
        held = torch.cat((state["held"].to(u.dtype), u), dim=1)  # [B 1+K E]
        phase = state["phase"][:, 0]  # of the next output: after f - 1 comes the next block
        next_state = {
            **prefixed("window", open_block),
            "held": gather_steps(held, blocks, 1).to(state["held"].dtype),
            **prefixed("inner", new),
        }
        given, steps = lengths, x.shape[1]
        if self.late:
            due = state["owed"][:, 0] + lengths
            given = torch.minimum(due, (blocks + 1) * self.factor - 1 - phase)
            steps = steps + self.late
            next_state["owed"] = (due - given)[:, None]
        next_state["phase"] = (phase + given - blocks * self.factor)[:, None]
        index = (phase[:, None] + 1 + torch.arange(steps, device=x.device)) // self.factor  # [B T]
        index = index.clamp(max=held.shape[1] - 1)
        y = held.gather(1, index[..., None].expand(-1, -1, held.shape[2]))
        return zero_padding(y, given), given, {name: next_state[name] for name in self.state}

    def out_lengths(self, lengths: Tensor) -> Tensor:
        if not self.late:
            return lengths
        blocks = self.inner.out_lengths(lengths // self.factor)
        return torch.minimum(lengths, (blocks + 1) * self.factor - 1)

    def _pooled(self, blocks: Tensor) -> Tensor:
        """[B K f D] -> [B K D]."""
        if self.keep == "mean":
            return blocks.mean(dim=2)
        return blocks.amax(dim=2) if self.keep == "max" else blocks[:, :, -1]
