"""Initialisation shared by the cells: Xavier for what reads the input, orthogonal per gate for what reads the state."""

from __future__ import annotations

from torch import Tensor, nn


def init_input(weight: Tensor, gates: int) -> None:
    """Xavier-uniform for each gate's rows of a [gates*H D] matrix (Glorot and Bengio 2010)."""
    for rows in weight.data.chunk(gates):
        nn.init.xavier_uniform_(rows)


def init_recurrent(weight: Tensor, gates: int) -> None:
    """Orthogonal for each gate's [H H] block (Saxe et al. 2014, arXiv:1312.6120)."""
    for rows in weight.data.chunk(gates):
        nn.init.orthogonal_(rows)
