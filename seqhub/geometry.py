"""How a layer changes the shape of a stream, as numbers that need no torch.

A layer with ratio p/q, past P and future F computes its output j from the input steps

    [ j*q/p - P ,  (j+1)*q/p - 1 + F ]

so P counts the steps before the output's own block of input, and F the steps after it (look-ahead). The framework adds
these up over any nesting; a recipe's receptive field and latency are known before a model is built.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

INF = math.inf


@dataclass(frozen=True)
class Geometry:
    """Width, ratio, block, receptive field, and what (if anything) prevents streaming.

    width: output width D'.  ratio: output steps per input step.  block: chunk lengths are multiples of it.
    past, future: receptive field in input steps, `inf` where unbounded (a recurrent state has past `inf` and streams).
    obstacle, remedy: why the layer cannot run chunk by chunk, and the edit that changes it; empty when it can.
    uneven: something inside makes more steps than it gets, so that past and future are bounds, and outputs may come
    earlier than they say.
    clock: input steps that make one step at the slowest place inside, where that is slower than the output's.
    """

    width: int
    ratio: Fraction = Fraction(1)
    block: int = 1
    past: float = 0
    future: float = 0
    obstacle: str = ""
    remedy: str = ""
    uneven: bool = False
    clock: int = 1

    @property
    def slowest(self) -> int:
        """Input steps that make one step at the slowest place inside, or one output."""
        return max(self.block, self.clock)

    @property
    def causal(self) -> bool:
        """No output depends on a later input: of the steps that it stands for, or behind them.

        Steps that were joined and spread out again (block 2, ratio 1) all know their whole block, the first one too.
        """
        return self.future == 0 and (self.block == 1 or self.block * self.ratio == 1)

    @property
    def streamable(self) -> bool:
        """Chunk by chunk with a bounded state and a bounded delay."""
        return not self.obstacle and self.future != INF

    @property
    def latency(self) -> float:
        """Input steps that must follow a block's first step before its output can be computed."""
        return self.block - 1 + self.future

    def out_length(self, length: Any) -> Any:
        """Output steps of an input of `length` steps: exact, for ints and integer tensors alike."""
        if self.ratio == 1:
            return length
        return length * self.ratio.numerator // self.ratio.denominator

    def then(self, after: Geometry) -> Geometry:
        """This layer followed by `after`."""
        return Geometry(
            width=after.width,
            ratio=self.ratio * after.ratio,
            block=math.lcm(self.block, (after.block / self.ratio).numerator),
            past=self.past + self._reach(after.past),
            future=self.future + self._reach(after.future),
            obstacle=self.obstacle or after.obstacle,
            remedy=self.remedy if self.obstacle else after.remedy,
            uneven=any(part.uneven or part.ratio.numerator > 1 for part in (self, after)),
            clock=max(self.clock, math.ceil(after.clock / self.ratio) if after.clock > 1 else 1),
        )

    def _reach(self, steps: float) -> float:
        """Steps of this layer's output in steps of its input: as many whole blocks as hold them."""
        return steps if steps == INF else math.ceil(Fraction(steps) / (self.block * self.ratio)) * self.block

    def with_width(self, width: int) -> Geometry:
        """The same, with another output width."""
        return replace(self, width=width)


def identity(width: int) -> Geometry:
    """A layer that maps each step alone."""
    return Geometry(width=width)


def widest(branches: list[Geometry], width: int) -> Geometry:
    """Branches side by side over one input, aligned to the slowest; ratios are equal."""
    blocked = next((b for b in branches if b.obstacle), branches[0])
    return Geometry(
        width=width,
        ratio=branches[0].ratio,
        block=math.lcm(*(b.block for b in branches)),
        past=max(b.past for b in branches),
        future=max(b.future for b in branches),
        obstacle=blocked.obstacle,
        remedy=blocked.remedy,
        uneven=any(b.uneven or b.ratio.numerator > 1 for b in branches),
        clock=max(b.clock for b in branches),
    )


def recurrent_geometry(
    cell: Geometry,
    direction: Literal["forward", "reverse", "bidirectional"],
    merge: Literal["concat", "sum", "mean"] = "concat",
) -> Geometry:
    """What a cell does to a stream in the direction that it is run."""
    if direction == "forward":
        return cell
    both = direction == "bidirectional"
    return Geometry(
        width=2 * cell.width if both and merge == "concat" else cell.width,
        past=INF if both else 0,
        future=INF,
        obstacle=f"direction: {direction} reads the sequence from its end",
        remedy="set direction: forward",
    )


def decimate_geometry(width: int, stride: int) -> Geometry:
    """The last step of every block of `stride` steps: of its block it skips all before, so its past is negative."""
    return Geometry(width=width, ratio=Fraction(1, stride), block=stride, past=1 - stride)


def from_last_geometry(width: int) -> Geometry:
    """Every step by the sequence's last one."""
    return Geometry(
        width=width,
        future=INF,
        obstacle="every step is read by its distance from the last one",
        remedy="use instance-norm, or anchor: running in a forecast",
    )


def resample_geometry(inner: Geometry, factor: int) -> Geometry:
    """`inner` over blocks of `factor` steps, each step answered with the newest complete block.

    Where inner is causal and gives every step at once, so does the whole. Else past and future are bounds.
    """
    at_once = inner.block == 1
    past = 2 * factor - 2 + inner.past * factor if at_once else (inner.past + inner.block) * factor
    return Geometry(
        width=inner.width,
        block=1 if at_once else inner.block * factor,
        past=past,
        future=inner.future * factor,
        obstacle=inner.obstacle,
        remedy=inner.remedy,
        uneven=inner.uneven or not at_once or inner.future not in (0, INF),
        clock=factor * inner.slowest,
    )


def window_geometry(width: int, *, kernel: int, stride: int = 1, dilation: int = 1, future: int = 0) -> Geometry:
    """A sliding window over `(kernel - 1) * dilation + 1` steps that ends `future` steps after its block.

    Raises ValueError where the window is shorter than the stride, since steps between windows would be lost.
    """
    span = (kernel - 1) * dilation + 1
    past = span - stride - future
    if past < 0:
        raise ValueError(f"a window of {span} steps with look-ahead {future} cannot cover a stride of {stride}")
    return Geometry(width=width, ratio=Fraction(1, stride), block=stride, past=past, future=future)
