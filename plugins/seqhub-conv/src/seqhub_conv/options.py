"""Options and complaints that several configs share. No torch here."""

from __future__ import annotations

from typing import Literal

ActivationName = Literal["none", "relu", "gelu", "silu", "tanh"]
NormName = Literal["layer", "batch", "none"]
Problems = list[tuple[str, str, str]]
FLAGS = {"onnx": True, "streaming": True, "double": True, "bfloat16": None}
PADDING_HELP = "look at the past only, or at both sides (adds latency)"
NORM_HELP = "layer norm of each step, batch norm over the valid steps of a batch, or none"


def short_kernel(kernel: int, dilation: int, stride: int, name: str = "kernel") -> Problems:
    """A window shorter than its stride would lose the steps between."""
    span = (kernel - 1) * dilation + 1
    if span >= stride:
        return []
    message = f"{name} {kernel} (dilation {dilation}) spans {span} steps, less than stride {stride}"
    return [(name, message, f"use {name}: {stride} or more, or a smaller stride")]


def look_ahead_problems(look_ahead: int, padding: str, *, kernel: int, dilation: int, stride: int) -> Problems:
    """Look-ahead is either given or follows from `centred`, and no larger than the window allows."""
    if not look_ahead:
        return []
    if padding == "centred":
        message = "padding: centred has a look-ahead of its own"
        return [("look_ahead", message, "leave out look_ahead, or set padding: causal")]
    most = max(0, (kernel - 1) * dilation + 1 - stride)
    if look_ahead > most:
        message = f"look_ahead {look_ahead} is beyond the window, which has {most} steps outside its block"
        return [("look_ahead", message, f"use look_ahead: {most} or less, or a larger kernel")]
    return []


def uneven(positions: int | None, width: int, name: str = "positions") -> Problems:
    """Positions that the input cannot be laid over."""
    if positions is None or width % positions == 0:
        return []
    return [(name, f"{name} {positions} does not divide the input width {width}", divisors(width))]


def even_kernel(kernel: int, name: str) -> Problems:
    """A kernel that must have a middle."""
    if kernel % 2:
        return []
    return [(name, f"{name} {kernel} is even, so it has no middle", f"use {name}: {kernel - 1} or {kernel + 1}")]


def flat_norm(norm: str, width: int, name: str = "norm") -> Problems:
    """Layer norm of one number is a constant."""
    if norm != "layer" or width > 1:
        return []
    return [(name, "layer norm over 1 channel is a constant", "set norm: batch or none, or more channels")]


def divisors(number: int) -> str:
    """The edit that makes something divide `number`."""
    return "use " + ", ".join(str(n) for n in range(1, number + 1) if number % n == 0)
