"""The sequential engine: a step cell, one step after the other.

The projection is done before the loop, in one GEMM over B*T, and is split by `unbind`: indexing it as p[:, t] would
give every step a backward that allocates the whole sequence. Where gradients are wanted, the step is traced once and
the
loop runs the traced programs (`program`, `loop`); otherwise, and where it cannot be traced, the cell itself is called.
Shapes: B batch, T time, O output width.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch.func import functional_call
from torch.utils import _pytree as pytree

from seqhub.nn.cell import Cell, Projected
from seqhub.nn.engines.loop import run_loop
from seqhub.nn.engines.mode import is_exporting
from seqhub.nn.engines.programs import loop_for
from seqhub.nn.padding import like_steps
from seqhub.nn.state import Context, State


def run_steps(
    cell: Cell, p: Projected, state: State, valid: Tensor, ctx: Context, *, traced: bool = True
) -> tuple[Tensor, State]:
    """p [B T ...], state [B ...], valid [B T] bool -> y [B T O] (undefined on padding), state at each row's last
    valid step. `traced=False` calls the cell at every step.
    """
    leaves, tree = pytree.tree_flatten(p)
    if ctx.reset is not None:
        ctx = ctx._replace(reset=ctx.reset & valid)  # a mark in padding is none
    if is_exporting():
        return _scan_steps(cell, leaves, tree, state, valid, ctx)
    if not valid.shape[1]:
        return _no_steps(cell, leaves, tree, state, ctx), state
    extras = {"valid": valid} if not bool(valid.all()) else {}
    if ctx.reset is not None:
        extras["reset"] = ctx.reset
    if ctx.dt is not None:
        extras["dt"] = ctx.dt[..., None]
    fresh = _initial(cell, state) if ctx.reset is not None else {}
    one = _Step(cell, tree, len(leaves), tuple(extras), tuple(state), tuple(fresh))
    sequences = [*leaves, *extras.values()]
    loop = loop_for(one, cell, sequences, state, fresh) if traced else None
    if loop is not None:
        parameters: list[Tensor] = list(dict(cell.named_parameters()).values())
        y, last = run_loop(loop, sequences, list(state.values()), list(fresh.values()), parameters)
        return y, dict(zip(state, last, strict=True))
    carried, constants, ys = list(state.values()), list(fresh.values()), []
    for now in zip(*(sequence.unbind(1) for sequence in sequences), strict=True):
        y, carried = one(list(now), carried, constants, [])
        ys.append(y)
    return torch.stack(ys, dim=1), dict(zip(state, carried, strict=True))


def _no_steps(cell: Cell, leaves: list[Tensor], tree: pytree.TreeSpec, state: State, ctx: Context) -> Tensor:
    """[B 0 Y]: the width that `step` gives, which `readout` may change, is known to the step alone."""
    zeros = [leaf.new_zeros(leaf.shape[0], *leaf.shape[2:]) for leaf in leaves]
    dt = None if ctx.dt is None else ctx.dt.new_zeros(len(zeros[0]), 1)
    with torch.no_grad():
        y, _ = cell.step(pytree.tree_unflatten(zeros, tree), state, Context(dt=dt))
    return y.new_zeros(len(y), 0, *y.shape[1:])


@dataclass(frozen=True)
class _Step:
    """One turn of the loop: reset, the cell's step, and rows past their length kept as they are.

    Called as (inputs, state, constants, parameters) -> (y, new state); without parameters the cell's own are used.
    """

    cell: Cell
    tree: pytree.TreeSpec
    leaves: int
    extras: tuple[str, ...]
    names: tuple[str, ...]
    fresh: tuple[str, ...]

    @property
    def kind(self) -> Hashable:
        """What the step depends on beside its cell."""
        return str(self.tree), self.leaves, self.extras, self.names, self.fresh

    def __call__(
        self, inputs: list[Tensor], state: list[Tensor], constants: list[Tensor], parameters: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        extra = dict(zip(self.extras, inputs[self.leaves :], strict=True))
        now = dict(zip(self.names, state, strict=True))
        if "reset" in extra:
            now = _choose(extra["reset"], dict(zip(self.fresh, constants, strict=True)), now)
        p = pytree.tree_unflatten(inputs[: self.leaves], self.tree)
        ctx = Context(dt=extra.get("dt"))
        if parameters:
            runner = _Stepper(self.cell)
            given = dict(zip((name for name, _ in runner.named_parameters()), parameters, strict=True))
            y, new = functional_call(runner, given, (p, now, ctx))
        else:
            y, new = self.cell.step(p, now, ctx)
        new = {name: new[name].to(value.dtype) for name, value in now.items()}  # autocast may have narrowed it
        if "valid" in extra:
            new = _choose(extra["valid"], new, now)
        return y, [new[name] for name in self.names]


class _Stepper(nn.Module):
    """`step` as a module, for `functional_call`."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        return self.cell.step(p, state, ctx)


def _scan_steps(
    cell: Cell, leaves: list[Tensor], tree: pytree.TreeSpec, state: State, valid: Tensor, ctx: Context
) -> tuple[Tensor, State]:
    """The same loop as torch's `scan`, which the ONNX exporter writes as `Scan`.

    The mask travels as a float sequence: a boolean one, or one built inside, does not survive the exporter. Returned
    tensors are cloned because `scan` refuses aliases.
    """
    names = list(state)
    extras = {"valid": valid.to(torch.float32)}  # [B T]
    if ctx.reset is not None:
        extras["reset"] = ctx.reset.to(torch.float32)
    if ctx.dt is not None:
        extras["dt"] = ctx.dt
    fresh = _initial(cell, state) if ctx.reset is not None else {}
    wide = all(value.dim() > 1 for value in state.values())  # a mask [B 1] then fits as it is: fewer operators a step
    one = _Step(cell, tree, len(leaves), tuple(extras), tuple(names), tuple(fresh))
    xs = [leaf.transpose(0, 1) for leaf in leaves] + [extra.transpose(0, 1)[..., None] for extra in extras.values()]

    def body(carry: list[Tensor], x_t: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        given = list(x_t[: len(leaves)])
        for name, extra in zip(extras, x_t[len(leaves) :], strict=True):  # each [B 1]
            given.append(extra if name == "dt" else (extra if wide else extra[:, 0]) > 0.5)
        y, new = one(given, list(carry), list(fresh.values()), [])
        return [value.clone() for value in new], y.clone()

    carry, ys = scan(body, [state[name] for name in names], xs)
    return ys.transpose(0, 1), dict(zip(names, carry, strict=True))


def _choose(mask: Tensor, yes: State, no: State) -> State:
    return {name: torch.where(like_steps(mask, yes[name]), yes[name], no[name]) for name in no}


def _initial(cell: Cell, state: State) -> State:
    return {name: torch.full_like(state[name], slot.init) for name, slot in cell.state.items()}
