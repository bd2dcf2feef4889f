"""mLSTM: an LSTM whose memory is a matrix, with an input gate that has no upper bound.

    C' = f C + i k v^T       n' = f n + i k        f = sigmoid(w_f x + b_f)    i = exp(w_i x + b_i)
    h  = C'^T q / max(|n' . q|, 1)                 k = W_k u / sqrt(K),  q = W_q u,  u = silu(conv(x))
    y  = W_o (sigmoid(W_g x + b_g) * norm(h))

Beck et al. 2024, arXiv:2405.04517, equations 19 to 27, kept finite by the running maximum m of appendix A; n is one
more column of C. The convolution before queries and keys and the layer norm of each head are those of its figure 10.
Gates start without looking at the input: b_f from 3 to 6 over the heads, b_i normal with deviation 0.1.
Shapes: B batch, T time, D input width, H heads, K key width, V value width of a head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqhub.nn import Context
from seqhub.nn.memory import Terms
from seqhub_cells.heads import (
    HeadCell,
    HeadNorm,
    Joint,
    head_sizes,
    log_sigmoid,
    output_projection,
    precise,
    split_heads,
)
from seqhub_cells.with_conv import WithConv

FLOOR = -80.0  # exp(80) is a number of float32; below, the memory is empty to any precision


class MLSTMCell(HeadCell):
    """State: S [B H K V+1], its last column n, both times exp(-m); m [B H]; inputs under `inlet.`. Output: y."""

    no_decay = ("gate_bias",)

    def __init__(
        self,
        d_in: int,
        *,
        hidden: int,
        heads: int = 4,
        key_dim: int | None = None,
        value_dim: int | None = None,
        conv: int = 4,
    ) -> None:
        key, value = head_sizes(hidden, heads, key_dim, value_dim)
        inlet = WithConv(d_in, kernel=conv)
        sizes = {"heads": heads, "key_dim": key, "value_dim": value + 1}
        super().__init__(d_in, output_size=hidden, levels=True, inlet=inlet, **sizes)
        self.heads, self.key = heads, key
        self.keys = Joint(d_in, heads * key, heads * key)  # rows: [q | k]
        self.values = Joint(d_in, heads * value, heads * value, bias=True)  # rows: [v | output gate]
        self.gate_weight = nn.Parameter(torch.zeros(2 * heads, d_in))  # rows: [forget | input]
        forget = torch.linspace(3, 6, heads)
        self.gate_bias = nn.Parameter(torch.cat((forget, torch.empty(heads).normal_(0, 0.1))))
        self.norm = HeadNorm(heads, value, centred=True)
        self.out_proj = output_projection(heads * value, hidden)

    def project(
        self, x: Tensor
    ) -> tuple[Tensor, ...]:  # [B T 2D] -> q k [B T H K], v [.. V+1], gates [.. V], 2 x [.. H]
        mixed, x = x.chunk(2, dim=-1)
        q, k = (split_heads(part, self.heads) for part in self.keys(mixed))
        v, gate = (split_heads(part, self.heads) for part in self.values(x))
        forget, log_input = precise(nn.functional.linear(x, self.gate_weight, self.gate_bias)).chunk(2, dim=-1)
        counted = torch.cat((v, torch.ones_like(v[..., :1])), dim=-1)
        return q, k / math.sqrt(self.key), counted, torch.sigmoid(gate), log_sigmoid(forget), log_input

    def terms(self, p: tuple[Tensor, ...], ctx: Context) -> Terms:
        q, k, v, _, log_forget, log_input = p
        return Terms(q, k, v, log_forget[..., None], log_input=log_input)

    def emit(self, y: Tensor, p: tuple[Tensor, ...], level: Tensor | None) -> Tensor:
        assert level is not None  # this cell keeps levels
        one = torch.exp(-level.clamp(min=FLOOR))[..., None]  # y and n . q are kept times exp(-m); so is the 1
        h: Tensor = self.norm(y[..., :-1] / torch.maximum(y[..., -1:].abs(), one))
        return (h * p[3]).flatten(-2)

    def readout(self, y: Tensor, x: Tensor) -> Tensor:  # [B T H*V] -> [B T O]
        out: Tensor = self.out_proj(y)
        return out
