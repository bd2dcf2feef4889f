"""A link by name: the output of an earlier layer, joined to what later layers made of it."""

from __future__ import annotations

from torch import Tensor

from seqhub.geometry import Geometry, identity
from seqhub.nn.align import Align
from seqhub.nn.join import Join, join, joined_width
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, State


class Skip(SequenceLayer):
    """y = join(x, earlier). The earlier output waits for x where the layers between look ahead. State: what waits.

    key: the name under which a `Chain` before keeps that output.  between: what the layers from there to here do to the
    stream; its ratio is 1.  width: of the earlier output.
    """

    def __init__(self, d_in: int, *, key: str, between: Geometry, width: int, merge: Join = "sum") -> None:
        if between.ratio != 1:
            raise ValueError(f"a skip joins step to step, but the layers between give {between.ratio} of the steps")
        align = Align([between.with_width(d_in), identity(width)])
        super().__init__(d_in, identity(joined_width([d_in, width], merge)), align.state)
        self.key, self.merge, self.align = key, merge, align

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        if ctx.skips is None or self.key not in ctx.skips:
            raise ValueError(f"no layer before this one keeps its output as '{self.key}'")
        (y, earlier), out_lengths, waiting = self.align(
            [(zero_padding(x, lengths), lengths), ctx.skips[self.key]], state
        )
        return join((y, earlier), self.merge), out_lengths, waiting
