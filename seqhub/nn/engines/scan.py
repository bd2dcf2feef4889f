"""The recurrence itself: h_t = a_t * h_(t-1) + b_t, elementwise, real or complex, with an analytic backward.

One multiply-add a step, written to where its result belongs, beats tree and log-space forms on a CPU: they read memory
more often. Where a step is so small that calling the operator costs more than its arithmetic, time is cut into blocks
which run side by side, and a second pass carries each block's end into the next: 2 L + T / L calls in place of T.

The backward is the same recurrence in reverse: g_t = G_t + conj(a_(t+1)) g_(t+1), db = g, da = g conj(h_(t-1)).
Complex numbers are pairs (re, im) on the last axis outside, and complex tensors inside the operator.
Shapes: B batch, T time, L steps of a block.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from seqhub.nn.engines.mode import is_exporting

_BelowAutograd: Any = torch._C._AutoDispatchBelowAutograd  # nothing inside records; skip asking at every call
BLOCK = 32  # L; short, so that products of gains beyond 1 stay finite
# Numbers a step, up to which blocks pay: measured on a CPU; on CUDA, where a launch costs as much as moving 3 MB.
SMALL_STEP = {"cpu": 1024, "cuda": 1 << 18}


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
        if _small(rows):
            rows.copy_(given)
            rows[:, 0].addcmul_(gains[:, 0], first)
            _run_blocks(gains[:, 1:], rows)
        else:
            _run_steps(gains.unbind(1), given.unbind(1), rows.unbind(1), first)
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
            if _small(rows):
                to_rows.copy_(given)
                _run_blocks(gains[:, 1:], to_rows, reverse=True)
            else:
                to_rows[:, -1].copy_(given[:, -1])
                a_steps, g_steps, h_steps = (x.unbind(1)[::-1] for x in (gains, given, to_rows))
                _run_steps(a_steps, g_steps[1:], h_steps[1:], h_steps[0])
            torch.mul(to_rows[:, 0], first, out=to_gains[:, 0])
            torch.mul(to_rows[:, 1:], rows[:, :-1], out=to_gains[:, 1:])
            torch.mul(to_rows[:, 0], gains[:, 0], out=to_first)
            if ctx.pairs:
                for result in (to_rows, to_gains, to_first):
                    result.conj_physical_()
        return da, db, dh0, None


def _as_numbers(pairs: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(map(torch.view_as_complex, tensors)) if pairs else tensors


def _small(rows: Tensor) -> bool:
    """Whether steps are so small, and so many, that blocks pay."""
    return rows.shape[1] > 4 * BLOCK and rows[:, 0].numel() <= SMALL_STEP.get(rows.device.type, 0)


def _run_steps(gains: Iterable[Tensor], given: Iterable[Tensor], rows: Iterable[Tensor], before: Tensor) -> None:
    """rows_t = given_t + gains_t rows_(t-1), one step after the other; `given` may be the rows themselves."""
    for gain, inflow, row in zip(gains, given, rows, strict=False):
        before = torch.addcmul(inflow, gain, before, out=row)


def _run_blocks(gains: Tensor, rows: Tensor, *, reverse: bool = False) -> None:
    """In place: rows_t += gains_(t-1) rows_(t-1); or, in reverse, rows_t += gains_t rows_(t+1). gains [B T-1 ...],
    rows [B T ...]. The first step (in reverse the last ones) goes alone, then whole blocks, then what is left.
    """
    blocks = gains.shape[1] // BLOCK
    cut = blocks * BLOCK
    left = [x[:, cut:].unbind(1) for x in (gains, rows)]
    if reverse:
        left = [steps[::-1] for steps in left]
        _run_steps(left[0], left[1][1:], left[1][1:], left[1][0])
        before, part = rows[:, cut], rows[:, :cut]
    else:
        before, part = rows[:, 0], rows[:, 1 : cut + 1]
    a, h = _in_blocks(gains[:, :cut], blocks), _in_blocks(part, blocks)  # [B blocks L ...]
    decay = a.clone(memory_format=torch.contiguous_format)  # will be the product of gains since the block's start
    a_steps, h_steps, decays = a.unbind(2), h.unbind(2), decay.unbind(2)
    order = range(BLOCK - 1, -1, -1) if reverse else range(BLOCK)
    for last, t in pairwise(order):
        h_steps[t].addcmul_(a_steps[t], h_steps[last])
        decays[t].mul_(decays[last])
    ends, products = h_steps[order[-1]].unbind(1), decays[order[-1]].unbind(1)
    carried = [before]
    for block in reversed(range(blocks)) if reverse else range(blocks):
        carried.append(torch.addcmul(ends[block], products[block], carried[-1]))
    inflow = torch.stack(carried[-2::-1] if reverse else carried[:-1], dim=1)  # [B blocks ...]
    h.addcmul_(decay, inflow[:, :, None])
    if not reverse:
        _run_steps(left[0], left[1][1:], left[1][1:], left[1][0])


def _in_blocks(x: Tensor, blocks: int) -> Tensor:
    return x.view(x.shape[0], blocks, BLOCK, *x.shape[2:])
