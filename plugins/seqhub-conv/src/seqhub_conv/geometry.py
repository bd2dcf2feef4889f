"""Receptive fields of convolutions, without torch."""

from __future__ import annotations

from typing import Literal

from seqhub.api import Geometry, window_geometry

Padding = Literal["causal", "centred"]


def conv_geometry(channels: int, *, kernel: int, stride: int, dilation: int, padding: Padding) -> Geometry:
    """ValueError where the kernel is shorter than the stride, or `padding` has another name."""
    if padding not in ("causal", "centred"):
        raise ValueError(f"padding is {padding!r}, expected 'causal' or 'centred'")
    outside = (kernel - 1) * dilation + 1 - stride
    future = max(outside, 0) // 2 if padding == "centred" else 0
    return window_geometry(channels, kernel=kernel, stride=stride, dilation=dilation, future=future)
