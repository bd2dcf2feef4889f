"""Helpers: run a layer over a ragged batch, whole and cut anywhere."""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import Context, SequenceLayer, State


def ragged(lengths: list[int], width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """x [B T D] with NaN on padding, lengths [B]."""
    x = torch.randn(len(lengths), max(lengths), width, generator=torch.Generator().manual_seed(seed))
    for row, n in enumerate(lengths):
        x[row, n:] = float("nan")
    return x, torch.tensor(lengths)


def cut(layer: SequenceLayer, x: Tensor, lengths: Tensor, sizes: list[int]) -> tuple[list[Tensor], State]:
    """The stream in chunks of the given sizes: each row's outputs, and the final state."""
    state, at = layer.initial_state(len(x)), 0
    rows: list[list[Tensor]] = [[] for _ in range(len(x))]
    for size in sizes:
        given = (lengths - at).clamp(0, size)
        y, out_lengths, state = layer(x[:, at : at + size], given, state, None, Context(end=lengths <= at + size))
        at += size
        for row, n in enumerate(out_lengths.tolist()):
            rows[row].append(y[row, :n])
    return [torch.cat(parts) for parts in rows], state


def worst_gap(layer: SequenceLayer, x: Tensor, lengths: Tensor, sizes: list[int]) -> float:
    """The largest difference between the cut and the whole stream; lengths must be equal."""
    layer.eval()
    with torch.no_grad():
        y, out_lengths, _ = layer(x, lengths, layer.initial_state(len(x)))
        rows, _ = cut(layer, x, lengths, sizes)
    gap = 0.0
    for row, n in enumerate(out_lengths.tolist()):
        assert rows[row].shape[0] == n, f"row {row}: {rows[row].shape[0]} outputs in chunks, {n} in the whole"
        if n:
            gap = max(gap, float((rows[row] - y[row, :n]).abs().max()))
    return gap
