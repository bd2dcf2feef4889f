"""More steps: each becomes `factor` steps.

    repeat       y_(tf + r) = x_t                                                   r = 0 .. f-1
    transposed   y_(tf + r) = b + sum_i W_(r + i f) x_(t - i)                        i = 0, 1, .. while r + i f < K

f factor, K kernel (f where not given). L steps give L f: what a stride of f leaves of a whole number of blocks comes
back to its old length. The transposed form is torch's, without the K - f outputs that would follow the last step, so no
output waits. Shapes: B batch, T time, D input width, C channels.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, Window, zero_padding
from seqhub_conv.geometry import upsample_geometry


class Upsample(SequenceLayer):
    """State: the steps that a kernel larger than the factor still needs."""

    def __init__(
        self,
        d_in: int,
        *,
        factor: int = 2,
        kind: Literal["repeat", "transposed"] = "repeat",
        channels: int | None = None,
        kernel: int | None = None,
    ) -> None:
        if kind not in ("repeat", "transposed"):
            raise ValueError(f"kind is {kind!r}, expected 'repeat' or 'transposed'")
        if kind == "repeat" and (channels, kernel) != (None, None):
            raise ValueError(f"kind: repeat takes neither channels nor kernel, got {channels} and {kernel}")
        taps = factor if kernel is None else kernel
        geometry = upsample_geometry(d_in if channels is None else channels, factor=factor, kernel=taps)
        window = Window(d_in, past=int(geometry.past))
        super().__init__(d_in, geometry, window.state)
        self.factor, self.window = factor, window
        self.conv = nn.ConvTranspose1d(d_in, geometry.width, taps, stride=factor) if kind == "transposed" else None

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        batch, steps, factor = x.shape[0], x.shape[1], self.factor
        if self.conv is None:
            y = x[:, :, None].expand(-1, -1, factor, -1).reshape(batch, steps * factor, self.d_out)
            return y, lengths * factor, {}
        buffer, _, next_state = self.window(x, lengths, state, ctx.end)
        first = self.window.past * factor
        y = self.conv(buffer.mT)[:, :, first : first + steps * factor].mT  # [B D past+T] -> [B T*f C]
        return zero_padding(y, lengths * factor), lengths * factor, next_state
