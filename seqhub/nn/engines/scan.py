"""The recurrence itself: h_t = a_t * h_(t-1) + b_t, elementwise, real or complex, with an analytic backward.

One multiply-add a step, written to where its result belongs, reads memory least. Where a step is so small that calling
the operator costs more than its arithmetic, steps are joined in pairs first (odd-even reduction, Hockney 1965): two
steps h = a2 (a1 h + b1) + b2 are one, with a2 a1 and a2 b1 + b2, all pairs side by side; the recurrence runs over
pairs, which are joined again in turn; the steps between follow from their neighbours, side by side too.

The backward is the same recurrence in reverse: g_t = G_t + conj(a_(t+1)) g_(t+1), db = g, da = g conj(h_(t-1)).
Complex numbers are pairs (re, im) on the last axis outside, and complex tensors inside the operator.
Shapes: B batch, T time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from seqhub.nn.engines.mode import is_exporting

_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # nothing inside records; skip asking at every call
LEVELS = 5  # how often pairs are joined: products of at most 32 gains, so that gains beyond 1 stay finite
FEW = 16  # as many steps, and fewer, run one by one
PART = 1 << 19  # numbers worked on at a time, so that they and their coefficients stay near the processor
# Numbers a step, up to which joining pays: measured on a CPU; on CUDA, where a launch costs as much as moving 3 MB.
SMALL_STEP = {"cpu": 4096, "cuda": 1 << 18}


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, *, pairs: bool = False) -> tuple[Tensor, Tensor]:
    """a, b [B T ...], h0 [B ...] -> every h [B T ...] and the last [B ...]; with `pairs` the last axis is (re, im)."""
    if is_exporting():
        return _scan_op(a, b, h0, pairs)
    if a.shape[1] == 0:
        return b, h0
    h0 = h0.contiguous()
    if not torch.is_grad_enabled() or not (a.requires_grad or b.requires_grad or h0.requires_grad):
        h = _every(a, b, h0, pairs)
    else:
        h = _LinearScan.apply(a, b, h0, pairs)  # type: ignore[no-untyped-call]
    return h, h[:, -1]


def _scan_op(a: Tensor, b: Tensor, h0: Tensor, pairs: bool) -> tuple[Tensor, Tensor]:
    """The same as torch's `scan`, which the ONNX exporter writes as `Scan`; real and imaginary parts travel apart."""
    if not pairs:
        (every,), (last,) = _scan_parts([a, b], [h0])
        return every, last
    first = [part.contiguous() for part in h0.unbind(-1)]  # `scan` wants the strides of the result
    parts, ends = _scan_parts([*a.unbind(-1), *b.unbind(-1)], first)
    return torch.stack(parts, dim=-1), torch.stack(ends, dim=-1)


def _scan_parts(xs: list[Tensor], h0: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    def body(h: list[Tensor], x_t: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        if len(h) == 1:
            new = [x_t[0] * h[0] + x_t[1]]
        else:
            a_re, a_im, b_re, b_im = x_t
            new = [a_re * h[0] - a_im * h[1] + b_re, a_re * h[1] + a_im * h[0] + b_im]
        return new, [part.clone() for part in new]  # `scan` refuses outputs that are one tensor

    last, every = scan(body, h0, [x.transpose(0, 1) for x in xs])
    return [part.transpose(0, 1) for part in every], list(last)


def _every(a: Tensor, b: Tensor, h0: Tensor, pairs: bool) -> Tensor:
    """Time stays axis 1: strided steps cost less than transposed copies."""
    with _BelowAutograd():
        out = torch.empty_like(b, memory_format=torch.contiguous_format)
        gains, given, rows, first = _as_numbers(pairs, a, b, out, h0)
        _recur(gains, given, rows, first)
        return out


class _LinearScan(torch.autograd.Function):
    """a, b [B T ...], h0 [B ...] -> h [B T ...]."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h0: Tensor, pairs: bool) -> Tensor:
        out = _every(a, b, h0, pairs)
        ctx.save_for_backward(a, h0, out)
        ctx.pairs = pairs
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        a, h0, out = ctx.saved_tensors
        with _BelowAutograd():
            db, da, dh0 = torch.empty_like(out), torch.empty_like(out), torch.empty_like(h0)
            grad = grad.contiguous()
            gains, rows, first, given, to_gains, to_rows, to_first = _as_numbers(
                ctx.pairs, a, out, h0, grad, da, db, dh0
            )
            if ctx.pairs:
                # run on conjugates: then it is gains and rows as they are
                given = torch.conj_physical(given, out=to_rows)
            to_rows[:, -1].copy_(given[:, -1])
            _recur(gains[:, 1:], given[:, :-1], to_rows[:, :-1], to_rows[:, -1], reverse=True)
            torch.mul(to_rows[:, 0], first, out=to_gains[:, 0])
            torch.mul(to_rows[:, 1:], rows[:, :-1], out=to_gains[:, 1:])
            torch.mul(to_rows[:, 0], gains[:, 0], out=to_first)
            if ctx.pairs:
                for result in (to_rows, to_gains, to_first):
                    result.conj_physical_()
        return da, db, dh0, None


def _as_numbers(pairs: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(map(torch.view_as_complex, tensors)) if pairs else tensors


def _recur(gains: Tensor, given: Tensor, rows: Tensor, before: Tensor, *, reverse: bool = False) -> None:
    """rows_t = given_t + gains_t rows_(t-1), the first after `before`; in reverse rows_(t+1). All [B T ...].
    `given` may be the rows themselves.
    """
    step = before.numel()
    if rows.shape[1] <= 4 * FEW or step > SMALL_STEP.get(rows.device.type, 0):
        _run_steps(gains, given, rows, before, reverse=reverse)
        return
    steps = max(4 * FEW, PART // max(1, step))
    parts = list(zip(*(torch.split(x, steps, dim=1) for x in (gains, given, rows)), strict=True))
    for gain, inflow, row in reversed(parts) if reverse else parts:
        _run_pairs(gain, inflow, row, before, reverse=reverse, levels=LEVELS)
        before = row[:, 0 if reverse else -1]


def _run_steps(gains: Tensor, given: Tensor, rows: Tensor, before: Tensor, *, reverse: bool) -> None:
    """One step after the other."""
    steps = list(zip(gains.unbind(1), given.unbind(1), rows.unbind(1), strict=True))
    for gain, inflow, row in reversed(steps) if reverse else steps:
        before = torch.addcmul(inflow, gain, before, out=row)


def _run_pairs(gains: Tensor, given: Tensor, rows: Tensor, before: Tensor, *, reverse: bool, levels: int) -> None:
    """Steps joined in pairs: the recurrence runs from second to second, then every first follows from the second before
    it. In reverse the later step of a pair is its first.
    """
    if levels == 0 or rows.shape[1] <= FEW:
        _run_steps(gains, given, rows, before, reverse=reverse)
        return
    if rows.shape[1] % 2:
        alone, rest = (-1, slice(0, -1)) if reverse else (0, slice(1, None))
        before = torch.addcmul(given[:, alone], gains[:, alone], before, out=rows[:, alone])
        gains, given, rows = gains[:, rest], given[:, rest], rows[:, rest]
    even, odd = slice(0, None, 2), slice(1, None, 2)
    first, second = (odd, even) if reverse else (even, odd)
    gain, inflow, row = gains[:, first], given[:, first], rows[:, first]
    joined, following, ends = gains[:, second], given[:, second], rows[:, second]
    torch.addcmul(following, joined, inflow, out=ends)
    _run_pairs(joined * gain, ends, ends, before, reverse=reverse, levels=levels - 1)
    at, later, earlier = (-1, slice(0, -1), slice(1, None)) if reverse else (0, slice(1, None), slice(0, -1))
    torch.addcmul(inflow[:, at], gain[:, at], before, out=row[:, at])
    torch.addcmul(inflow[:, later], gain[:, later], ends[:, earlier], out=row[:, later])
