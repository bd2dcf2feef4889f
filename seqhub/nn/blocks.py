"""Layers made of layers: a chain, a residual, branches in parallel. Each is a `SequenceLayer` again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from seqhub.geometry import Geometry, identity, widest
from seqhub.nn.align import Align
from seqhub.nn.join import BranchGate, Gate, Join, join, joined_width, weighted
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.pointwise import NormKind, norm
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate

Learnt = Literal["none", "scalar", "channel"]


class Chain(SequenceLayer):
    """Named layers, one after the other; none is the identity. State: each layer's slots under `name.`.

    keep: layers whose outputs `Skip` layers further on join, by the name under which those ask for them.
    """

    def __init__(
        self, d_in: int, layers: Mapping[str, SequenceLayer], *, keep: Mapping[str, str] | None = None
    ) -> None:
        geometry, slots, width = identity(d_in), dict[str, Slot](), d_in
        for name, layer in layers.items():
            if layer.d_in != width:
                raise ValueError(f"layer '{name}' reads width {layer.d_in}, but gets {width}")
            geometry, width = geometry.then(layer.geometry), layer.d_out
            slots.update(prefixed(name, layer.state))
        super().__init__(d_in, geometry, slots)
        self.names = tuple(layers)
        self.keep = dict(keep or {})
        self.layers = nn.ModuleDict({_key(name): layer for name, layer in layers.items()})

    def __getitem__(self, name: str) -> SequenceLayer:
        layer = self.layers[_key(name)]
        return layer  # type: ignore[return-value]

    def out_lengths(self, lengths: Tensor) -> Tensor:
        for name in self.names:
            lengths = self[name].out_lengths(lengths)
        return lengths

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        if not self.names:
            return zero_padding(x, lengths), lengths, {}
        next_state: State = {}
        for name in self.names:
            layer = self[name]
            x, lengths, new = layer(x, lengths, substate(state, name), memory, ctx)
            next_state.update(prefixed(name, new))
            ctx = beyond(ctx, name, layer.geometry)
            if name in self.keep:
                ctx = ctx._replace(skips={**(ctx.skips or {}), self.keep[name]: (x, lengths)})
        return x, lengths, next_state


class Residual(SequenceLayer):
    """y = skip(x) + scale * inner(norm(x)); with `post_norm`, y = norm(skip(x) + scale * inner(x)).

    skip is the identity, or a linear map with `project`, so that inner may change the width. scale is a number, or
    learnt from it on: one (`scalar`: ReZero, arXiv:2003.04887, from 0) or one a feature (`channel`: LayerScale,
    arXiv:2103.17239, from 1e-4). If inner looks ahead, x waits for it. State: inner's slots, and the waiting x.
    """

    def __init__(
        self,
        inner: SequenceLayer,
        *,
        norm_kind: NormKind | Literal["none"] = "layer",
        post_norm: bool = False,
        scale: float = 1.0,
        learn_scale: Learnt = "none",
        project: bool = False,
    ) -> None:
        d_in, geometry = inner.d_in, inner.geometry
        if (geometry.width != d_in and not project) or geometry.ratio != 1:
            raise ValueError(
                f"a residual adds its input [B T {d_in}] to [B T*{geometry.ratio} {geometry.width}]: they must match"
            )
        if learn_scale not in get_args(Learnt):
            raise ValueError(f"learn_scale is {learn_scale!r}, expected one of {get_args(Learnt)}")
        align = Align([identity(geometry.width), geometry])
        super().__init__(d_in, geometry, {**prefixed("inner", inner.state), **align.state})
        self.norm = nn.Identity() if norm_kind == "none" else norm(geometry.width if post_norm else d_in, norm_kind)
        self.skip = nn.Linear(d_in, geometry.width) if project else nn.Identity()
        self.inner, self.align, self.post_norm, self.fixed = inner, align, post_norm, scale
        first = torch.full((geometry.width if learn_scale == "channel" else 1,), scale)
        self.learnt = nn.Parameter(first) if learn_scale != "none" else None

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.inner.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        given = x if self.post_norm else self.norm(x)
        y, out_lengths, new = self.inner(given, lengths, substate(state, "inner"), memory, ctx)
        (skip, y), out_lengths, waiting = self.align([(self.skip(x), lengths), (y, out_lengths)], state)
        if self.learnt is not None:
            y = y * self.learnt
        elif self.fixed != 1.0:
            y = y * self.fixed
        total = skip + y
        if self.post_norm:
            total = self.norm(total)
        if self.post_norm or not isinstance(self.skip, nn.Identity):  # a bias is no zero
            total = zero_padding(total, out_lengths)
        return total, out_lengths, {**prefixed("inner", new), **waiting}


class Parallel(SequenceLayer):
    """Branches over one input, merged step by step. Faster branches wait for the slowest. State: each under
    `branchN.`.

    merge: how they are joined; `gated` weighs them by what a linear map sees in the input, see `BranchGate`.
    """

    def __init__(
        self, branches: Sequence[SequenceLayer], *, merge: Join | Literal["gated"] = "concat", gate: Gate = "softmax"
    ) -> None:
        if len(branches) < 2:
            raise ValueError(f"parallel needs two branches or more, got {len(branches)}")
        geometries = [branch.geometry for branch in branches]
        geometry = parallel_geometry(geometries, merge)
        d_in = branches[0].d_in
        weights = [identity(len(branches))] if merge == "gated" else []
        align = Align([*geometries, *weights])
        slots = {k: v for i, b in enumerate(branches) for k, v in prefixed(f"branch{i}", b.state).items()}
        super().__init__(d_in, geometry, {**slots, **align.state})
        self.branches, self.merge, self.align = nn.ModuleList(branches), merge, align
        self.gate = BranchGate(d_in, len(branches), gate) if merge == "gated" else None

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return torch.stack([branch.out_lengths(lengths) for branch in self._layers()]).amin(dim=0)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        outputs: list[tuple[Tensor, Tensor]] = []
        next_state: State = {}
        for i, branch in enumerate(self._layers()):
            y, out_lengths, new = branch(x, lengths, substate(state, f"branch{i}"), memory, ctx)
            outputs.append((y, out_lengths))
            next_state.update(prefixed(f"branch{i}", new))
        if self.gate is not None:
            outputs.append((self.gate(zero_padding(x, lengths)), lengths))
        ys, out_lengths, waiting = self.align(outputs, state)
        next_state.update(waiting)
        if self.merge == "gated":
            return weighted(ys[:-1], ys[-1]), out_lengths, next_state
        return join(ys, self.merge), out_lengths, next_state

    def _layers(self) -> list[SequenceLayer]:
        return list(self.branches)  # type: ignore[arg-type]


class SharedRepeat(SequenceLayer):
    """One layer several times in a row: the same weights every turn, a state for each. State: under `r0.`, `r1.`, ...

    As in Universal Transformers, arXiv:1807.03819, and weight-shared recurrent stacks.
    """

    def __init__(self, inner: SequenceLayer, times: int) -> None:
        if inner.d_out != inner.d_in:
            raise ValueError(f"a repeat with shared weights feeds width {inner.d_out} back into width {inner.d_in}")
        geometry = identity(inner.d_in)
        for _ in range(times):
            geometry = geometry.then(inner.geometry)
        slots = {k: v for turn in range(times) for k, v in prefixed(f"r{turn}", inner.state).items()}
        super().__init__(inner.d_in, geometry, slots)
        self.inner, self.times = inner, times

    def out_lengths(self, lengths: Tensor) -> Tensor:
        for _ in range(self.times):
            lengths = self.inner.out_lengths(lengths)
        return lengths

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        next_state: State = {}
        for turn in range(self.times):
            x, lengths, new = self.inner(x, lengths, substate(state, f"r{turn}"), memory, ctx)
            next_state.update(prefixed(f"r{turn}", new))
            ctx = beyond(ctx, f"r{turn}", self.inner.geometry)
        return x, lengths, next_state


def parallel_geometry(branches: Sequence[Geometry], merge: str) -> Geometry:
    """Geometry of branches merged; ValueError where ratios differ, or widths that must not."""
    ratios = {branch.ratio for branch in branches}
    if len(ratios) > 1:
        raise ValueError(
            f"parallel branches give {[str(b.ratio) for b in branches]} output steps per input step: they must agree"
        )
    if merge == "gated" and ratios != {1}:
        raise ValueError(f"merge: gated weighs step by step, but its branches give {branches[0].ratio} of the steps")
    return widest(list(branches), joined_width([branch.width for branch in branches], merge))


def beyond(ctx: Context, name: str, geometry: Geometry) -> Context:
    """The context for what follows a layer; elapsed time and resets do not survive a change of the time axis."""
    if geometry.ratio == 1 and geometry.block == 1 and geometry.future in (0, float("inf")):
        return ctx
    if ctx.dt is not None or ctx.reset is not None:
        raise ValueError(
            f"dt and reset cannot pass layer '{name}', which changes the time axis; place it after the recurrent layers"
        )
    return ctx


def _key(name: str) -> str:
    return name.replace(".", "/")  # a module's name may hold no dot
