"""Small layers to export: one sound and several whose fault the gates must find."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.nn import (
    WHOLE,
    Chain,
    Context,
    Ends,
    Geometry,
    Memory,
    SequenceLayer,
    SequenceModel,
    Slot,
    State,
    zero_padding,
)
from seqhub.nn.engines import is_exporting

Result = tuple[Tensor, Tensor, State]


class Gain(SequenceLayer):
    """y = x * gain. No state."""

    def __init__(self, width: int = 3) -> None:
        super().__init__(width, Geometry(width=width))
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, width))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        return zero_padding(zero_padding(x, lengths) * self.gain, lengths), lengths, {}


class Shift(SequenceLayer):
    """y_t = x_(t-1). State: last [B D]."""

    def __init__(self, width: int = 3) -> None:
        super().__init__(width, Geometry(width=width, past=1), {"last": Slot((width,))})

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        x = zero_padding(x, lengths)
        buffer = torch.cat((state["last"][:, None], x), dim=1)  # [B 1+T D]
        last = buffer.gather(1, lengths[:, None, None].expand(-1, 1, x.shape[2]))[:, 0]
        return zero_padding(buffer[:, :-1], lengths), lengths, {"last": last}


class Frozen(Shift):
    """The same as a Python loop, which the exporter unrolls: time is frozen."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        x, last, ys = zero_padding(x, lengths), state["last"], []
        for t in range(int(x.shape[1])):
            ys.append(last)
            last = torch.where((lengths > t)[:, None], x[:, t], last)
        return zero_padding(torch.stack(ys, dim=1), lengths), lengths, {"last": last}


class Bounded(Gain):
    """Goes another way where there are many steps: the trace holds for few only."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        y, out_lengths, after = super().forward(x, lengths, state, memory, ctx)
        return (y if x.shape[1] < 40 else 2 * y), out_lengths, after


class Unknown(Gain):
    """Uses an operator that has no ONNX form."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        return zero_padding(zero_padding(x, lengths).cummax(dim=1).values, lengths), lengths, {}


class Drifting(Shift):
    """Its graph computes something else than its forward: a little more for long sequences only."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        y, lengths, after = super().forward(x, lengths, state, memory, ctx)
        if is_exporting():
            y = y + zero_padding(torch.ones_like(y), lengths) * (lengths > 5)[:, None, None] * 0.01
        return y, lengths, after


class Forgetful(Shift):
    """Its graph loses the state of idle rows, as onnxruntime's own recurrent operators do."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        y, lengths, after = super().forward(x, lengths, state, memory, ctx)
        if is_exporting():
            after = {"last": after["last"] * (lengths > 0)[:, None]}
        return y, lengths, after


class Leaky(Gain):
    """NaN in padding reaches its outputs, in torch and in the graph alike."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        return zero_padding(x - x.mean(dim=1, keepdim=True), lengths), lengths, {}


def plain_ends(width: int, outputs: tuple[int, ...], **more: object) -> Ends:
    """Ends whose scales are neither one nor alike."""
    size = 1
    for n in outputs:
        size *= n
    return Ends(
        features=tuple(f"in{i}" for i in range(width)),
        outputs=outputs,
        output_names=tuple(f"out{i}" for i in range(outputs[-1])),
        input_shift=tuple(10.0 + i for i in range(width)),
        input_scale=tuple(2.0 + i for i in range(width)),
        output_shift=(30.0,) * size,
        output_scale=tuple(0.5 + i for i in range(size)),
        **more,  # type: ignore[arg-type]
    )


def model_of(*layers: SequenceLayer, ends: Ends | None = None) -> SequenceModel:
    """The layers as block0, block1 ... between two ends of three columns and two outputs."""
    torch.manual_seed(3)
    chain = Chain(layers[0].d_in, {f"block{i}": layer for i, layer in enumerate(layers)})
    model = SequenceModel(ends or plain_ends(3, (2,)), chain).eval()
    for parameter in model.stack["head"].parameters():
        nn.init.normal_(parameter)  # an untrained head hardly answers
    return model
