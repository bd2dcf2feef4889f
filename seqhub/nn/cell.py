"""The contract of a recurrent cell: the mathematics of one step, and nothing of time.

From it the framework derives the loop with hoisted projections, variable lengths, reversal, chunked streaming,
truncated BPTT and both ONNX graphs.

Shapes: B batch, T time, D input width, O output width; `...` is [B] inside a loop and [B T] over a sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.utils._pytree import tree_map

from seqhub.nn.layer import SequenceLayer
from seqhub.nn.pairs import multiply
from seqhub.nn.roles import Role
from seqhub.nn.state import Context, Slot, State, prefixed

Projected = Any  # a tensor [B T ...] or a tuple (nested too) of them; inside `step` the same without T


@dataclass(frozen=True)
class NativeForm:
    """A cell said again as one of torch's fused kernels: an accelerator, checked equal, never the definition.

    weight_ih [G*H D], weight_hh [G*H H], biases [G*H], gates in torch's order (LSTM i f g o, GRU r z n).
    """

    kind: Literal["lstm", "gru", "rnn_tanh", "rnn_relu"]
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


class Cell(nn.Module):
    """A step cell. The author gives `project`, `step`, and `readout` where work after the loop is time-free.

    inlet: a causal sequence layer that runs before `project` (a short convolution, a token shift), if the cell has one;
    its slots are carried under `inlet.` beside the cell's own.
    """

    kind: ClassVar[Literal["step", "linear", "memory"]] = "step"
    no_decay: ClassVar[tuple[str, ...]] = ()  # parameter names that weight decay must leave alone
    no_zoneout: ClassVar[tuple[str, ...]] = ()  # slots that mean nothing when mixed with those of another step
    inlet: SequenceLayer | None

    def __init__(
        self, d_in: int, *, output_size: int, state: Mapping[str, Slot], inlet: SequenceLayer | None = None
    ) -> None:
        super().__init__()
        if inlet is not None and (inlet.d_in != d_in or inlet.geometry.ratio != 1 or inlet.geometry.future != 0):
            raise ValueError(f"an inlet is causal, step for step, over width {d_in}; got {inlet.geometry}")
        self.d_in = d_in
        self.output_size = output_size
        self.state: dict[str, Slot] = dict(state)
        self.inlet = inlet

    @property
    def slots(self) -> dict[str, Slot]:
        """All that is carried: the cell's own state, and the inlet's under `inlet.`."""
        return {**self.state, **(prefixed("inlet", self.inlet.state) if self.inlet is not None else {})}

    def project(self, x: Tensor) -> Projected:
        """Time-free work before the loop, one GEMM over B*T: [B T D] -> [B T ...], or a tuple."""
        return x

    def step(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        """One step, pure: projected input [B ...] and state [B ...] -> y [B Y] and the new state, no slot an alias of
        an input; Y is O unless `readout` changes the width.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define step")

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        """Time-free work after the loop: y [B T Y], x [B T D] (after the inlet) -> [B T O]."""
        return y

    def native(self) -> NativeForm | None:
        """The same cell as one of torch's fused kernels, if it is one."""
        return None

    def roles(self) -> tuple[Role, ...]:
        """What its parameters are for: lets a recipe choose first values by name, and drop recurrent weights."""
        return ()


class LinearCell(Cell):
    """A cell whose state is h' = a * h + b, elementwise, with a and b free of h. The author gives `coeffs` and
    `emit`.

    complex_slots: slots whose last axis, of size 2, is (re, im); their a * h is a complex product (`seqhub.nn.pairs`).
    """

    kind: ClassVar[Literal["step", "linear", "memory"]] = "linear"
    complex_slots: frozenset[str] = frozenset()

    def coeffs(self, p: Projected, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        """{slot: (a, b)}, each [... *slot.shape] or broadcastable to it; p is in the state's precision."""
        raise NotImplementedError(f"{type(self).__name__} does not define coeffs")

    def emit(self, h: State, p: Projected) -> Tensor:
        """The output from the new state: [... O]."""
        raise NotImplementedError(f"{type(self).__name__} does not define emit")

    def step(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        """Derived: the recurrence itself, one step."""
        p = self.widened(p, state)
        new: State = {}
        for name, (a, b) in self.coeffs(p, ctx).items():
            h = state[name]
            product = multiply(a, h) if name in self.complex_slots else a * h
            new[name] = (product + b).to(h.dtype)
        return self.emit(new, p), new

    def widened(self, p: Projected, state: State) -> Projected:
        """The projection in the state's precision: autocast may have given it in less."""
        dtype = next(iter(state.values())).dtype
        return tree_map(lambda x: x.to(dtype) if x.is_floating_point() else x, p)
