"""Local attention through the whole layer against bare `scaled_dot_product_attention` with the same projections and
the same mask, made beforehand: a train step (forward + backward) and a forward pass, 1 thread, median ratios of paired
runs.

.venv/bin/python benchmarks/attention.py
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from paired import compare, inference, train_step
from torch import Tensor
from torch.nn import functional as F

from seqhub.cli.output import print_table
from seqhub_attention.local import LocalAttention
from seqhub_attention.positions import rotate

SIZES = ((8, 128, 128, 4, 32), (4, 256, 128, 4, 64), (2, 1024, 128, 4, 128), (32, 64, 64, 4, 16))


def bare(layer: LocalAttention, x: Tensor, mask: Tensor, *, turned: bool) -> Callable[[], Tensor]:
    """The layer's own weights in the fewest calls: dense rows, nothing carried, nothing padded."""
    at = torch.arange(x.shape[1])

    def run() -> Tensor:
        q = layer.q(x).unflatten(-1, (layer.heads, -1))
        k, v = layer.kv(x).unflatten(-1, (2, layer.heads, -1)).unbind(2)
        if turned:
            q, k = rotate(q, at), rotate(k, at)
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask)
        y: Tensor = layer.out(out.transpose(1, 2).flatten(2))
        return y

    return run


def ours(layer: LocalAttention, x: Tensor, lengths: Tensor) -> Callable[[], Tensor]:
    """The layer over the batch, its outputs only."""
    return lambda: layer(x, lengths, layer.initial_state(len(x)))[0]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows: list[list[object]] = []
    for batch, steps, width, heads, window in SIZES:
        for positions in ("none", "rope"):
            layer = LocalAttention(width, heads=heads, window=window, positions=positions)
            x, at = torch.randn(batch, steps, width), torch.arange(steps)
            mask = (at <= at[:, None]) & (at > at[:, None] - window)
            full, ragged = torch.full((batch,), steps), torch.randint(steps // 2, steps + 1, (batch,))
            base = bare(layer, x, mask, turned=positions == "rope")
            torch.testing.assert_close(ours(layer, x, full)(), base(), atol=1e-5, rtol=1e-4)
            runs = {"bare": base, "seqhub": ours(layer, x, full), "seqhub, ragged": ours(layer, x, ragged)}
            parameters = list(layer.parameters())
            trained = compare({name: train_step(run, parameters) for name, run in runs.items()})
            passed = compare({name: inference(run) for name, run in runs.items()})
            size = f"B{batch} T{steps} D{width} heads {heads} window {window}, {positions}"
            for step, once in zip(trained, passed, strict=True):
                rows.append([size, step.name, step.milliseconds, step.ratio, once.milliseconds, once.ratio])
    print_table(["size", "attention", "train step ms", "ratio", "forward ms", "ratio "], rows)


if __name__ == "__main__":
    main()
