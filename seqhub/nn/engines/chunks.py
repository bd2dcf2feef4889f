"""The recurrence of a memory from chunk to chunk, with an analytic backward.

    S_(n+1) = e_n * S_n + B_n - M_n S_n          M_n only where the rule reads what it writes

Shapes: N chunks, R rows (batch times heads), K key width, V value width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def chunk_states(e: Tensor, b: Tensor, m: Tensor | None, first: Tensor) -> tuple[Tensor, Tensor]:
    """e [N R K|1], b [N R K V], m [N R K K], first [R K V] -> the state before each chunk [N R K V], and the last."""
    states: Tensor = _ChunkStates.apply(e[..., None], b, m, first)  # type: ignore[no-untyped-call]
    return states[:-1], states[-1]


class _ChunkStates(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, e: Tensor, b: Tensor, m: Tensor | None, first: Tensor) -> Tensor:
        states = torch.empty((b.shape[0] + 1, *b.shape[1:]), dtype=b.dtype, device=b.device)
        states[0] = first
        rows = states.unbind(0)
        for n in range(b.shape[0]):
            torch.addcmul(b[n], e[n], rows[n], out=rows[n + 1])
            if m is not None:
                rows[n + 1].baddbmm_(m[n], rows[n], alpha=-1)
        ctx.save_for_backward(e, m, states)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        e, m, states = ctx.saved_tensors
        g = grad.clone(memory_format=torch.contiguous_format)
        rows = g.unbind(0)
        for n in range(len(rows) - 2, -1, -1):
            rows[n].addcmul_(e[n], rows[n + 1])
            if m is not None:
                rows[n].baddbmm_(m[n].mT, rows[n + 1], alpha=-1)
        after, before = g[1:], states[:-1]
        de = (after * before).sum(dim=-1, keepdim=True)
        if e.shape[-2] == 1:
            de = de.sum(dim=-2, keepdim=True)
        dm = None if m is None else -(after @ before.mT)
        return de, after, dm, g[0]
