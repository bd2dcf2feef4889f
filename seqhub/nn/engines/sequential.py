"""The sequential engine: a step cell, one step after the other.

The projection is done before the loop, in one GEMM over B*T, and is split by `unbind`: indexing it as p[:, t] would
give every step a backward that allocates the whole sequence. Shapes: B batch, T time, O output width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan
from torch.utils import _pytree as pytree

from seqhub.nn.cell import Cell, Projected
from seqhub.nn.engines.mode import is_exporting
from seqhub.nn.padding import like_steps
from seqhub.nn.state import Context, State


def run_steps(cell: Cell, p: Projected, state: State, valid: Tensor, ctx: Context) -> tuple[Tensor, State]:
    """p [B T ...], state [B ...], valid [B T] bool -> y [B T O] (undefined on padding), state at each row's last
    valid step.
    """
    if is_exporting():
        return _scan_steps(cell, p, state, valid, ctx)
    leaves, tree = pytree.tree_flatten(p)
    columns = [leaf.unbind(1) for leaf in leaves]
    ragged = not bool(valid.all())
    kept = valid.unbind(1)
    fresh = _initial(cell, state) if ctx.reset is not None else {}
    ys: list[Tensor] = []
    for t in range(valid.shape[1]):
        if ctx.reset is not None:
            state = _choose(ctx.reset[:, t], fresh, state)
        p_t = pytree.tree_unflatten([column[t] for column in columns], tree)
        y, new = cell.step(p_t, state, _at(ctx, t))
        new = {name: new[name].to(value.dtype) for name, value in state.items()}  # autocast may have narrowed it
        state = _choose(kept[t], new, state) if ragged else new
        ys.append(y)
    if not ys:
        return leaves[0].new_zeros(valid.shape[0], 0, cell.output_size), state
    return torch.stack(ys, dim=1), state


def _scan_steps(cell: Cell, p: Projected, state: State, valid: Tensor, ctx: Context) -> tuple[Tensor, State]:
    """The same loop as torch's `scan`, which the ONNX exporter writes as `Scan`.

    The mask travels as a float sequence: a boolean one, or one built inside, does not survive the exporter. Returned
    tensors are cloned because `scan` refuses aliases.
    """
    names = list(state)
    leaves, tree = pytree.tree_flatten(p)
    extras = {"valid": valid.to(torch.float32)}  # [B T]
    if ctx.reset is not None:
        extras["reset"] = ctx.reset.to(torch.float32)
    if ctx.dt is not None:
        extras["dt"] = ctx.dt
    fresh = _initial(cell, state) if ctx.reset is not None else {}
    xs = [leaf.transpose(0, 1) for leaf in leaves] + [extra.transpose(0, 1)[..., None] for extra in extras.values()]

    def body(carry: list[Tensor], x_t: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        extra = dict(zip(extras, x_t[len(leaves) :], strict=True))  # each [B 1]
        now = dict(zip(names, carry, strict=True))
        if "reset" in extra:
            now = _choose(extra["reset"][:, 0] > 0.5, fresh, now)
        step_ctx = Context(dt=extra.get("dt"))
        y, new = cell.step(pytree.tree_unflatten(x_t[: len(leaves)], tree), now, step_ctx)
        new = _choose(extra["valid"][:, 0] > 0.5, new, now)
        return [new[name].clone() for name in names], y.clone()

    carry, ys = scan(body, [state[name] for name in names], xs)
    return ys.transpose(0, 1), dict(zip(names, carry, strict=True))


def _choose(mask: Tensor, yes: State, no: State) -> State:
    return {name: torch.where(like_steps(mask, yes[name]), yes[name], no[name]) for name in no}


def _initial(cell: Cell, state: State) -> State:
    return {name: torch.full_like(state[name], slot.init) for name, slot in cell.state.items()}


def _at(ctx: Context, t: int) -> Context:
    return Context(dt=ctx.dt[:, t : t + 1]) if ctx.dt is not None else Context()
