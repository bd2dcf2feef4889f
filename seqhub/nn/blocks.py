"""Layers made of layers: a chain, a residual, branches in parallel. Each is a `SequenceLayer` again."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from seqhub.geometry import Geometry, identity, widest
from seqhub.nn.align import Align
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.pointwise import NormKind, norm
from seqhub.nn.recurrent import Merge
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate


class Chain(SequenceLayer):
    """Named layers, one after the other. State: each layer's slots under `name.`."""

    def __init__(self, d_in: int, layers: Mapping[str, SequenceLayer]) -> None:
        geometry, slots, width = identity(d_in), dict[str, Slot](), d_in
        for name, layer in layers.items():
            if layer.d_in != width:
                raise ValueError(f"layer '{name}' reads width {layer.d_in}, but gets {width}")
            geometry, width = geometry.then(layer.geometry), layer.d_out
            slots.update(prefixed(name, layer.state))
        super().__init__(d_in, geometry, slots)
        self.names = tuple(layers)
        self.layers = nn.ModuleDict({_key(name): layer for name, layer in layers.items()})

    def __getitem__(self, name: str) -> SequenceLayer:
        layer = self.layers[_key(name)]
        return layer  # type: ignore[return-value]

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        next_state: State = {}
        for name in self.names:
            layer = self[name]
            x, lengths, new = layer(x, lengths, substate(state, name), memory, ctx)
            next_state.update(prefixed(name, new))
            ctx = _beyond(ctx, name, layer)
        return x, lengths, next_state


class Residual(SequenceLayer):
    """y = x + inner(norm(x)), pre-norm. If inner looks ahead, x waits for it. State: inner's slots, and the waiting
    x.
    """

    def __init__(self, inner: SequenceLayer, *, norm_kind: NormKind | Literal["none"] = "layer") -> None:
        d_in, geometry = inner.d_in, inner.geometry
        if geometry.width != d_in or geometry.ratio != 1:
            raise ValueError(
                f"a residual adds its input [B T {d_in}] to [B T*{geometry.ratio} {geometry.width}]: they must match"
            )
        align = Align([identity(d_in), geometry])
        super().__init__(d_in, geometry, {**prefixed("inner", inner.state), **align.state})
        self.norm = nn.Identity() if norm_kind == "none" else norm(d_in, norm_kind)
        self.inner, self.align = inner, align

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        y, out_lengths, new = self.inner(self.norm(x), lengths, substate(state, "inner"), memory, ctx)
        (skip, y), out_lengths, waiting = self.align([(x, lengths), (y, out_lengths)], state)
        return skip + y, out_lengths, {**prefixed("inner", new), **waiting}


class Parallel(SequenceLayer):
    """Branches over one input, merged step by step. Faster branches wait for the slowest. State: each under
    `branchN.`.
    """

    def __init__(self, branches: Sequence[SequenceLayer], *, merge: Merge = "concat") -> None:
        if merge not in get_args(Merge):
            raise ValueError(f"merge is {merge!r}, expected one of {get_args(Merge)}")
        if len(branches) < 2:
            raise ValueError(f"parallel needs two branches or more, got {len(branches)}")
        geometries = [branch.geometry for branch in branches]
        align = Align(geometries)
        slots = {k: v for i, b in enumerate(branches) for k, v in prefixed(f"branch{i}", b.state).items()}
        super().__init__(branches[0].d_in, parallel_geometry(geometries, merge), {**slots, **align.state})
        self.branches, self.merge, self.align = nn.ModuleList(branches), merge, align

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        outputs: list[tuple[Tensor, Tensor]] = []
        next_state: State = {}
        for i, branch in enumerate(self.branches):
            y, out_lengths, new = branch(x, lengths, substate(state, f"branch{i}"), memory, ctx)
            outputs.append((y, out_lengths))
            next_state.update(prefixed(f"branch{i}", new))
        ys, out_lengths, waiting = self.align(outputs, state)
        next_state.update(waiting)
        if self.merge == "concat":
            return torch.cat(ys, dim=-1), out_lengths, next_state
        total = reduce(operator.add, ys)
        return total if self.merge == "sum" else total / len(ys), out_lengths, next_state


def parallel_geometry(branches: Sequence[Geometry], merge: Merge) -> Geometry:
    """Geometry of branches merged; ValueError where ratios, or the widths of a sum or mean, differ."""
    if len({branch.ratio for branch in branches}) > 1:
        raise ValueError(
            f"parallel branches give {[str(b.ratio) for b in branches]} output steps per input step: they must agree"
        )
    widths = [branch.width for branch in branches]
    if merge != "concat" and len(set(widths)) > 1:
        raise ValueError(f"merge: {merge} needs branches of one width, got {widths}")
    return widest(list(branches), sum(widths) if merge == "concat" else widths[0])


def _beyond(ctx: Context, name: str, layer: SequenceLayer) -> Context:
    """The context for what follows a layer; elapsed time and resets do not survive a change of the time axis."""
    if layer.geometry.ratio == 1 and layer.geometry.future in (0, float("inf")):
        return ctx
    if ctx.dt is not None or ctx.reset is not None:
        raise ValueError(
            f"dt and reset cannot pass layer '{name}', which changes the time axis; place it after the recurrent layers"
        )
    return ctx


def _key(name: str) -> str:
    return name.replace(".", "/")  # a module's name may hold no dot
