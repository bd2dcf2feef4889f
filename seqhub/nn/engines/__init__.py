"""Engines: what turns the mathematics of one step into a layer over time. The kind of a cell decides which one runs
it.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor
from torch.utils import _pytree as pytree

from seqhub.nn.cell import Cell, LinearCell, Projected
from seqhub.nn.engines.linear import linear_scan, run_linear
from seqhub.nn.engines.memory import run_memory
from seqhub.nn.engines.mode import compiling, exporting, is_exporting
from seqhub.nn.engines.native import run_native
from seqhub.nn.engines.sequential import run_steps
from seqhub.nn.memory import MemoryCell
from seqhub.nn.padding import valid_steps, zero_padding
from seqhub.nn.state import Context, State, prefixed, substate

__all__ = [
    "compiling",
    "exporting",
    "is_exporting",
    "linear_scan",
    "run_cell",
    "run_linear",
    "run_memory",
    "run_native",
    "run_steps",
]


def run_cell(
    cell: Cell, x: Tensor, lengths: Tensor, state: State, ctx: Context, *, native: bool = True
) -> tuple[Tensor, State]:
    """A cell over a chunk: x [B T D] with zeros on padding, lengths [B], state [B ...] -> y [B T O] zero on padding,
    next state. Padding is not looked at, whatever reset marks it bears.
    """
    if cell.inlet is not None:
        kept = {name: value for name, value in state.items() if not name.startswith("inlet.")}
        x, _, inlet = cell.inlet(x, lengths, substate(state, "inlet"), None, Context(reset=ctx.reset))
        y, after = _run(cell, x, lengths, kept, ctx, native)
        return y, {**after, **prefixed("inlet", inlet)}
    return _run(cell, x, lengths, state, ctx, native)


def _run(cell: Cell, x: Tensor, lengths: Tensor, state: State, ctx: Context, native: bool) -> tuple[Tensor, State]:
    form = cell.native() if native and ctx.reset is None else None
    if form is not None:
        y, next_state = run_native(form, x, lengths, state)
    else:
        steps_first = cell.kind == "step" and not is_exporting()
        p = _project_steps_first(cell, x) if steps_first else cell.project(x)
        valid = valid_steps(lengths, x.shape[1])
        if cell.kind == "linear":
            y, next_state = run_linear(cast(LinearCell, cell), p, state, valid, ctx)
        elif cell.kind == "memory":
            y, next_state = run_memory(cast(MemoryCell, cell), p, state, valid, ctx)
        else:
            y, next_state = run_steps(cell, p, state, valid, ctx)
    return zero_padding(cell.readout(y, x), lengths), next_state


def _project_steps_first(cell: Cell, x: Tensor) -> Projected:
    """The same values [B T ...], with the numbers of a step beside each other in memory, as the loop reads them: what
    is time-free may take the axes of time and batch in either order.
    """
    p = cell.project(x.transpose(0, 1).contiguous())
    return pytree.tree_map(lambda leaf: leaf.transpose(0, 1), p)
