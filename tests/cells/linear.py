"""Helpers for the linear cells' oracles: a cell with every parameter away from its first value, run in float64."""

from __future__ import annotations

import numpy as np
import torch

from seqhub.nn import Cell, Context, Recurrent, State


def shaken(cell: Cell, seed: int = 0) -> Cell:
    """The cell in float64, its parameters moved at random: no bias is zero, no two channels are alike."""
    cell = cell.double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return cell


def run(cell: Cell, steps: int, *, dt: bool = False) -> tuple[np.ndarray, np.ndarray, State, State, np.ndarray]:
    """x [B T D], y [B T H], first and last state, dt [B T]: two rows from a random state on."""
    generator = torch.Generator().manual_seed(7)
    layer = Recurrent(cell)
    x = torch.randn(2, steps, cell.d_in, generator=generator, dtype=torch.float64)
    elapsed = torch.rand(2, steps, generator=generator, dtype=torch.float64) + 0.5
    first = layer.initial_state(2)
    first = {k: torch.randn(v.shape, generator=generator, dtype=torch.float64) for k, v in first.items()}
    with torch.no_grad():
        ctx = Context(dt=elapsed) if dt else Context()
        y, _, last = layer(x, torch.full((2,), steps), first, None, ctx)
    return x.numpy(), y.numpy(), first, last, elapsed.numpy()


def weights(cell: Cell) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in cell.named_parameters()}


def numbers(state: State, name: str, row: int) -> np.ndarray:
    """One row of a slot; a last axis of (re, im) is left as it is."""
    return state[name][row].numpy()


def sigmoid(a: float | np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def silu(a: float | np.ndarray) -> np.ndarray:
    return a * sigmoid(a)


def close(got: np.ndarray, want: np.ndarray | list, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(got, np.asarray(want), rtol=tolerance, atol=tolerance)
