"""The linear engine: h_t = a_t * h_(t-1) + b_t, elementwise, with an analytic backward.

On a CPU one multiply-add per step, written into a preallocated result, beats every tree and log-space form. The
backward runs the same recurrence in reverse: g_t = G_t + a_(t+1) * g_(t+1), db = g, da = g * h_(t-1).
Padding is a = 1, b = 0, so the last column is each row's right final state.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from seqhub.nn.cell import LinearCell, Projected
from seqhub.nn.engines.mode import is_exporting
from seqhub.nn.padding import like_steps
from seqhub.nn.state import Context, State


def run_linear(cell: LinearCell, p: Projected, state: State, valid: Tensor, ctx: Context) -> tuple[Tensor, State]:
    """p [B T ...], state [B ...], valid [B T] bool -> y [B T O] (undefined on padding), state at each row's last
    valid step.
    """
    steps = ctx._replace(dt=ctx.dt[..., None]) if ctx.dt is not None else ctx  # [B T 1], as `step` sees [B 1]
    history: State = {}
    final: State = {}
    for name, (a, b) in cell.coeffs(p, steps).items():
        h0 = state[name]
        shape = valid.shape + h0.shape[1:]  # [B T *slot]
        a, b = a.to(h0.dtype).expand(shape), b.to(h0.dtype).expand(shape)
        if ctx.reset is not None:
            reset = like_steps(ctx.reset, b)
            b = torch.where(reset, b + a * cell.state[name].init, b)
            a = torch.where(reset, torch.zeros_like(a), a)
        real = like_steps(valid, b)
        a, b = torch.where(real, a, torch.ones_like(a)), torch.where(real, b, torch.zeros_like(b))
        history[name], final[name] = linear_scan(a, b, h0)
    return cell.emit(history, p), final


def linear_scan(a: Tensor, b: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """a, b [B T ...], h0 [B ...] -> every h [B T ...] and the last [B ...]."""
    if is_exporting():
        return _scan_op(a, b, h0)
    if a.shape[1] == 0:
        return b, h0
    h: Tensor = _LinearScan.apply(a.transpose(0, 1).contiguous(), b.transpose(0, 1).contiguous(), h0)  # type: ignore[no-untyped-call]
    return h.transpose(0, 1), h[-1]


def _scan_op(a: Tensor, b: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    def body(h: Tensor, x_t: list[Tensor]) -> tuple[Tensor, Tensor]:
        h = x_t[0] * h + x_t[1]
        return h, h.clone()

    last, every = scan(body, h0, [a.transpose(0, 1), b.transpose(0, 1)])
    return every.transpose(0, 1), last


class _LinearScan(torch.autograd.Function):
    """Time-major: a, b [T B ...], h0 [B ...] -> h [T B ...]."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
        out = torch.empty_like(b)
        h = h0
        for a_t, b_t, out_t in zip(a.unbind(0), b.unbind(0), out.unbind(0), strict=True):
            h = torch.addcmul(b_t, a_t, h, out=out_t)
        ctx.save_for_backward(a, h0, out)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, h0, out = ctx.saved_tensors
        db = grad.clone(memory_format=torch.contiguous_format)
        rows, gains = db.unbind(0), a.unbind(0)
        for t in range(len(rows) - 2, -1, -1):
            rows[t].addcmul_(gains[t + 1], rows[t + 1])
        da = torch.empty_like(a)
        torch.mul(db[0], h0, out=da[0])
        torch.mul(db[1:], out[:-1], out=da[1:])
        return da, db, db[0] * a[0]
