"""Attention pooling over time, running: output t pools steps 0 to t, so the last one pools the whole sequence.

    e_t = W_2 tanh(W_1 x_t + b)            one score a head
    y_t = sum_(s<=t) exp(e_s) x_s / sum_(s<=t) exp(e_s)

The self-attention of Lin et al. 2017, arXiv:1703.03130, each head a row of its matrix. Numerator and denominator are a
memory with one key and an input gate exp(e), which is kept scaled by its running maximum, so it never overflows.
Shapes: B batch, T time, D width, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import Context, Recurrent, Slot
from seqhub.nn.memory import MemoryCell, Terms

LOWEST = -1e30  # the maximum of no scores; finite, so that no difference of two is NaN


class AttentionPoolCell(MemoryCell):
    """State: S [B H 1 D+1], the sums, the last column that of the weights; m [B H], the maximum of the scores."""

    def __init__(self, d_in: int, *, heads: int, size: int) -> None:
        if heads < 1:
            raise ValueError(f"heads is {heads}, expected 1 or more")
        super().__init__(d_in, output_size=heads * d_in, heads=heads, key_dim=1, value_dim=d_in + 1, levels=True)
        self.state["m"] = Slot((heads,), init=LOWEST)
        self.inner = nn.Linear(d_in, size or d_in)
        self.score = nn.Linear(size or d_in, heads, bias=False)  # a bias would cancel

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [B T D] -> values [B T 1 D+1], scores [B T H]
        values = torch.cat((x, torch.ones_like(x[..., :1])), dim=-1)[..., None, :]
        return values, self.score(torch.tanh(self.inner(x)))

    def terms(self, p: tuple[Tensor, Tensor], ctx: Context) -> Terms:
        values, scores = p
        one, none = torch.ones_like(values[..., :1]), torch.zeros_like(scores)[..., None]
        return Terms(one, one, values, none, log_input=scores)

    def emit(self, y: Tensor, p: tuple[Tensor, Tensor], level: Tensor | None) -> Tensor:
        """y [... H D+1] -> [... H*D]; the largest weight so far is 1, so the sum of weights is not small."""
        return (y[..., :-1] / y[..., -1:]).flatten(-2)


class AttentionPool(Recurrent):
    """State: S [B H 1 D+1], m [B H]. Output: the pools of the heads side by side, [B T H*D]."""

    def __init__(self, d_in: int, *, heads: int = 1, size: int = 0) -> None:
        super().__init__(AttentionPoolCell(d_in, heads=heads, size=size))
