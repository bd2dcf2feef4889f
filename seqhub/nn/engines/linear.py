"""The linear engine: h_t = a_t * h_(t-1) + b_t for every slot, over a whole chunk at once.

Padding is a = 1, b = 0, so the last column is each row's right final state; a reset is a = 0, b = b + a * initial.
Coefficients are computed and the recurrence runs in the state's precision, under autocast too: decays near 1 do not
survive eight bits.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from seqhub.nn.cell import LinearCell, Projected
from seqhub.nn.engines.mode import is_exporting
from seqhub.nn.engines.scan import PART, linear_scan
from seqhub.nn.padding import like_steps
from seqhub.nn.pairs import multiply
from seqhub.nn.state import Context, State

__all__ = ["linear_scan", "run_linear"]


def run_linear(cell: LinearCell, p: Projected, state: State, valid: Tensor, ctx: Context) -> tuple[Tensor, State]:
    """p [B T ...], state [B ...], valid [B T] bool -> y [B T O] (undefined on padding), state at each row's last
    valid step.
    """
    numbers = sum(value.numel() for value in state.values())
    steps = max(1, PART // max(1, numbers))
    if is_exporting() or valid.shape[1] <= steps or valid.device.type != "cpu":
        return _run(cell, p, state, valid, ctx)
    leaves, tree = pytree.tree_flatten(p)
    # Slices in place of a split would each have a gradient as long as the sequence.
    cuts = [torch.split(leaf, steps, dim=1) for leaf in leaves]
    ys: list[Tensor] = []
    for i, real in enumerate(torch.split(valid, steps, dim=1)):
        at = slice(i * steps, (i + 1) * steps)
        now = Context(
            dt=None if ctx.dt is None else ctx.dt[:, at], reset=None if ctx.reset is None else ctx.reset[:, at]
        )
        y, state = _run(cell, pytree.tree_unflatten([cut[i] for cut in cuts], tree), state, real, now)
        ys.append(y)
    return torch.cat(ys, dim=1), state


def _run(cell: LinearCell, p: Projected, state: State, valid: Tensor, ctx: Context) -> tuple[Tensor, State]:
    steps = ctx._replace(dt=ctx.dt[..., None]) if ctx.dt is not None else ctx  # [B T 1], as `step` sees [B 1]
    ragged = is_exporting() or not bool(valid.all())
    p = cell.widened(p, state)
    history: State = {}
    final: State = {}
    for name, (a, b) in cell.coeffs(p, steps).items():
        h0, pairs = state[name], name in cell.complex_slots
        shape = valid.shape + h0.shape[1:]  # [B T *slot]
        a, b = a.to(h0.dtype).expand(shape), b.to(h0.dtype).expand(shape)
        if ctx.reset is not None:
            a, b = _restarted(a, b, ctx.reset, cell.state[name].init, pairs)
        if ragged:
            a, b = _frozen(a, b, valid, pairs)
        history[name], final[name] = linear_scan(a, b, h0, pairs=pairs)
    return cell.emit(history, p), final


def _restarted(a: Tensor, b: Tensor, reset: Tensor, init: float, pairs: bool) -> tuple[Tensor, Tensor]:
    """At a reset the step starts from the slot's first value, whatever came before."""
    at = like_steps(reset, b)
    first = torch.full_like(b, init)
    inflow = multiply(a, first) if pairs else a * first
    return torch.where(at, torch.zeros_like(a), a), torch.where(at, b + inflow, b)


def _frozen(a: Tensor, b: Tensor, valid: Tensor, pairs: bool) -> tuple[Tensor, Tensor]:
    """On padding a = 1 and b = 0."""
    real = like_steps(valid, b)
    one = a.new_tensor([1.0, 0.0]) if pairs else a.new_ones(())
    return torch.where(real, a, one), torch.where(real, b, torch.zeros((), dtype=b.dtype, device=b.device))
