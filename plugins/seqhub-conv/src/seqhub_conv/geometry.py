"""Receptive fields of convolutions, without torch."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from seqhub.api import Geometry, window_geometry

Padding = Literal["causal", "centred"]


def conv_geometry(
    channels: int, *, kernel: int, stride: int = 1, dilation: int = 1, padding: Padding = "causal", look_ahead: int = 0
) -> Geometry:
    """A window that ends `look_ahead` steps after its block; centred, half of what lies outside the block.

    ValueError where the kernel is shorter than the stride, or `padding` has another name.
    """
    if padding not in ("causal", "centred"):
        raise ValueError(f"padding is {padding!r}, expected 'causal' or 'centred'")
    if padding == "centred" and look_ahead:
        raise ValueError(f"padding 'centred' has its own look-ahead, but look_ahead is {look_ahead}")
    outside = (kernel - 1) * dilation + 1 - stride
    future = max(outside, 0) // 2 if padding == "centred" else look_ahead
    return window_geometry(channels, kernel=kernel, stride=stride, dilation=dilation, future=future)


def halvings(factor: int) -> int:
    """How many strides of 2 make a power of two; ValueError for another factor."""
    if factor < 2 or factor & (factor - 1):
        raise ValueError(f"factor is {factor}, expected 2, 4, 8 or another power of two")
    return factor.bit_length() - 1


def split(width: int, positions: int) -> int:
    """The channels of a step of `width` numbers over so many positions; ValueError where they do not come out even."""
    if positions < 1 or width % positions:
        raise ValueError(f"an input of width {width} cannot be laid over {positions} positions")
    return width // positions


def shrunk(positions: int, stride: int) -> int:
    """Positions that are left of an axis padded to its own middle: one for each stride begun."""
    return -(-positions // stride)


def side_by_side(branches: list[Geometry]) -> Geometry:
    """Branches of one rate over one window: their widths together, the farthest reach of any."""
    if not branches:
        raise ValueError("there is no branch")
    first = branches[0]
    return Geometry(
        width=sum(branch.width for branch in branches),
        ratio=first.ratio,
        block=first.block,
        past=max(branch.past for branch in branches),
        future=max(branch.future for branch in branches),
    )


def upsample_geometry(width: int, *, factor: int, kernel: int) -> Geometry:
    """Each step becomes `factor`; ValueError where the kernel leaves some of them empty."""
    if kernel < factor:
        raise ValueError(f"a kernel of {kernel} leaves some of {factor} steps empty")
    return Geometry(width=width, ratio=Fraction(factor), past=-(-kernel // factor) - 1)


def grid_after(height: int, width: int, *, stride: int, pool: int) -> tuple[int, int]:
    """Rows and columns after a padded convolution of that stride and a pooling; ValueError where none is left."""
    rows, columns = shrunk(height, stride) // pool, shrunk(width, stride) // pool
    if not rows or not columns:
        raise ValueError(f"stride {stride} and pool {pool} leave {rows} by {columns} of a grid of {height} by {width}")
    return rows, columns
