"""Deliberately broken components, each with the check that is meant to catch it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqhub.api import CellConfig, CellSpec, Config, EncoderSpec, config, option
from seqhub.nn import (
    WHOLE,
    Cell,
    Context,
    Geometry,
    Memory,
    NativeForm,
    SequenceLayer,
    Slot,
    State,
    gather_steps,
    zero_padding,
)
from seqhub.testing.subject import Subject
from seqhub_cells.gru import GRUCell


@config
class LayerConfig(Config):
    kernel: int = option(3, help="taps")

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=width, past=self.kernel - 1)


@config
class GoodCellConfig(CellConfig):
    pass


class GoodConv(SequenceLayer):
    """A right causal convolution, from which the broken ones differ in one line each."""

    past_offset = 0

    def __init__(self, d_in: int, *, kernel: int = 3) -> None:
        geometry = Geometry(width=d_in, past=kernel - 1 + self.past_offset)
        super().__init__(d_in, geometry, {"x": Slot((kernel - 1, d_in))})
        self.conv = nn.Conv1d(d_in, d_in, kernel)
        self.kernel = kernel

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = self.clean(x, lengths)
        buffer = torch.cat((state["x"], x), dim=1)
        y = self.conv(buffer.mT).mT
        return self.masked(y, lengths), lengths, {"x": self.tail(buffer, lengths)}

    def clean(self, x: Tensor, lengths: Tensor) -> Tensor:
        return zero_padding(x, lengths)

    def masked(self, y: Tensor, lengths: Tensor) -> Tensor:
        return zero_padding(y, lengths)

    def tail(self, buffer: Tensor, lengths: Tensor) -> Tensor:
        return gather_steps(buffer, lengths, self.kernel - 1)


class LeaksPadding(GoodConv):
    def clean(self, x: Tensor, lengths: Tensor) -> Tensor:
        return x


class MasksOnlyAtTheEnd(GoodConv):
    """Forward is right; the gradient is 0 * NaN."""

    def clean(self, x: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat((x[:, :1], x[:, 1:]), dim=1)

    def masked(self, y: Tensor, lengths: Tensor) -> Tensor:
        return torch.nan_to_num(zero_padding(y, lengths))


class OutputsOnPadding(GoodConv):
    def masked(self, y: Tensor, lengths: Tensor) -> Tensor:
        return y


class TakesTheLastColumn(GoodConv):
    """The final state is that of the padded length."""

    def tail(self, buffer: Tensor, lengths: Tensor) -> Tensor:
        return buffer[:, 1 - self.kernel :]


class ReturnsItsInputAsState(GoodConv):
    def tail(self, buffer: Tensor, lengths: Tensor) -> Tensor:
        return gather_steps(buffer, torch.zeros_like(lengths), self.kernel - 1)


class SeesTheFuture(GoodConv):
    def clean(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = zero_padding(x, lengths)
        return x + torch.cat((x[:, 1:], torch.zeros_like(x[:, :1])), dim=1)


class DeclaresTooMuchPast(GoodConv):
    past_offset = 1


class NormalisesOverTheBatch(GoodConv):
    def masked(self, y: Tensor, lengths: Tensor) -> Tensor:
        y = zero_padding(y, lengths)
        return zero_padding(y - y.mean(dim=(0, 1), keepdim=True), lengths)


class KeepsItsOwnState(GoodConv):
    """The state hides in the module, where neither a stream nor a graph can see it."""

    kept: Tensor | None = None

    def masked(self, y: Tensor, lengths: Tensor) -> Tensor:
        bias = self.kept if self.kept is not None and self.kept.shape[0] == y.shape[0] else torch.zeros_like(y[:, :1])
        self.kept = y[:, -1:].detach()
        return zero_padding(y + bias, lengths)


class DrawsInEvaluation(GoodConv):
    def masked(self, y: Tensor, lengths: Tensor) -> Tensor:
        return zero_padding(torch.dropout(y, 0.5, True), lengths)


class UnusedParameter(GoodConv):
    def __init__(self, d_in: int, *, kernel: int = 3) -> None:
        super().__init__(d_in, kernel=kernel)
        self.extra = nn.Linear(d_in, d_in)


class SwallowsOptions(GoodConv):
    def __init__(self, d_in: int, *, kernel: int = 3, **rest: Any) -> None:
        super().__init__(d_in, kernel=kernel)


class CountsPerBatch(SequenceLayer):
    """One position for the whole batch, where rows drift apart."""

    def __init__(self, d_in: int, *, kernel: int = 3) -> None:
        super().__init__(d_in, Geometry(width=d_in, past=kernel - 1), {"n": Slot((1,), dtype="int64")})
        self.scale = nn.Parameter(torch.ones(d_in))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        at = state["n"][:1] + torch.arange(x.shape[1])
        y = zero_padding(x, lengths) * self.scale + at[..., None]
        return zero_padding(y, lengths), lengths, {"n": state["n"] + lengths.max()}


class InPlaceStepCell(GRUCell):
    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        y, new = super().step(p, state, ctx)
        state["h"].data.mul_(0.5)
        return y, new


class AliasCell(Cell):
    """Returns its input as a slot."""

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,)), "first": Slot((hidden,))})
        self.proj = nn.Linear(d_in, hidden)

    def project(self, x: Tensor) -> Tensor:
        return self.proj(x)

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = torch.tanh(p + state["h"])
        return h, {"h": h, "first": state["first"]}


class WrongNativeCell(GRUCell):
    """Hands the reset-before equations to a kernel that computes reset-after."""

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, hidden=hidden, reset="before")

    def native(self) -> NativeForm | None:
        return NativeForm("gru", self.x_proj.weight, self.h_proj.weight, self.x_proj.bias, self.h_proj.bias)


class ForgetsASlotCell(GRUCell):
    """Declares a slot that its step never returns."""

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, hidden=hidden, reset="before")
        self.state["c"] = Slot((hidden,))


class BatchBranchCell(Cell):
    """Branches on the whole batch, so that a row depends on its neighbours."""

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.proj = nn.Linear(d_in, hidden)

    def project(self, x: Tensor) -> Tensor:
        return self.proj(x)

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = torch.tanh(p + state["h"]) if bool((p.mean() > 0).item()) else torch.tanh(p - state["h"])
        return h, {"h": h}


class CutsTheGradientCell(Cell):
    """Detaches its state: truncated backpropagation that nobody asked for."""

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,))})
        self.proj, self.back = nn.Linear(d_in, hidden), nn.Linear(hidden, hidden, bias=False)

    def project(self, x: Tensor) -> Tensor:
        return self.proj(x)

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h = torch.tanh(p + self.back(state["h"].detach()))
        return h, {"h": h}


LAYERS: dict[type[SequenceLayer], str] = {
    LeaksPadding: "check_padding",
    MasksOnlyAtTheEnd: "check_padding",
    OutputsOnPadding: "check_padding",
    TakesTheLastColumn: "check_rows_independent",
    ReturnsItsInputAsState: "check_idle_rows",
    SeesTheFuture: "check_receptive_field",
    DeclaresTooMuchPast: "check_receptive_field",
    NormalisesOverTheBatch: "check_rows_independent",
    KeepsItsOwnState: "check_pure",
    DrawsInEvaluation: "check_pure",
    UnusedParameter: "check_parameters_used",
    SwallowsOptions: "check_options",
    CountsPerBatch: "check_idle_rows",
}
CELLS: dict[type[Cell], str] = {
    InPlaceStepCell: "check_step_is_pure",
    AliasCell: "check_step_is_pure",
    WrongNativeCell: "check_native_equals_step",
    ForgetsASlotCell: "check_step_is_pure",
    BatchBranchCell: "check_rows_independent",
    CutsTheGradientCell: "check_gradients",
}


def subject_of(cls: type[Any]) -> Subject:
    """A subject whose target is a class of this module."""
    target = f"{cls.__module__}:{cls.__qualname__}"
    if issubclass(cls, Cell):
        cell = CellSpec(name="broken", target=target, config=GoodCellConfig, summary="", flags={"double": True})
        return Subject(cell, "test/broken", {"hidden": 6})
    layer = EncoderSpec(name="broken", target=target, config=LayerConfig, summary="", flags={"double": True})
    return Subject(layer, "test/broken", {"kernel": 3})
