"""The two ends of a model: raw numbers into standard units, and back. Inside the model, so that both graphs carry
them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.geometry import Geometry, decimate_geometry
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State
from seqhub.nn.window import Window


class Standardize(SequenceLayer):
    """y = (x - shift) / scale. With `difference`, x is first replaced by its change since the previous step, zero at
    the first. With `clip`, what is further than this from zero in the end is cut there.

    State: with `difference`, the previous step [B D] and whether there was one [B 1].
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, shift: tuple[float, ...], scale: tuple[float, ...], *, clip: float = 0.0, difference: bool = False
    ) -> None:
        width = len(shift)
        slots = {"previous": Slot((width,)), "seen": Slot((1,))} if difference else {}
        super().__init__(width, Geometry(width=width, past=1 if difference else 0), slots)
        self.clip, self.difference = clip, difference
        self.window = Window(width, past=1)
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        next_state: State = {}
        if self.difference:
            buffer, _, kept = self.window(x, lengths, {"x": state["previous"][:, None]}, ctx.end)
            known = (torch.arange(x.shape[1], device=x.device)[None, :, None] > 0) | (state["seen"] > 0)[:, :, None]
            x = torch.where(known, x - buffer[:, : x.shape[1]], torch.zeros_like(x))
            seen = torch.where(lengths[:, None] > 0, torch.ones_like(state["seen"]), state["seen"])
            next_state = {"previous": kept["x"][:, 0], "seen": seen}
        y = (x - self.shift) / self.scale
        if self.clip:
            y = y.clamp(-self.clip, self.clip)
        return zero_padding(y, lengths), lengths, next_state


class LastOfBlock(SequenceLayer):
    """The last step of every block of `stride` steps: what an output of a subsampling stack was given last."""

    def __init__(self, width: int, stride: int) -> None:
        window = Window(width, past=0, stride=stride)
        super().__init__(width, decimate_geometry(width, stride), window.state)
        self.window, self.stride = window, stride

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        buffer, out_lengths, next_state = self.window(zero_padding(x, lengths), lengths, state, ctx.end)
        return zero_padding(buffer[:, self.stride - 1 :: self.stride], out_lengths), out_lengths, next_state
