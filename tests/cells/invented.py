"""Three cells that nobody published, written as a user of seqhub would: their mathematics, and nothing else.

Each has gates that depend on data in a way that no shipped cell covers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqhub.api import CellConfig, CellSpec, Geometry, config, option
from seqhub.nn import Cell, Context, LinearCell, Slot, State

FLAGS = {"onnx": True, "streaming": True, "bidirectional": True, "double": True, "native": False, "bfloat16": True}


class SurpriseCell(Cell):
    """Writes only where the input is not what it expected.

    e = V x - guess;  g = sigmoid(scale * |e| + b);  h' = (1 - g) * h + g * tanh(e + U h);  guess' = guess + rate * e
    State: h [B H], guess [B H].
    """

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, output_size=hidden, state={"h": Slot((hidden,)), "guess": Slot((hidden,))})
        self.seen = nn.Linear(d_in, hidden)
        self.recall = nn.Linear(hidden, hidden, bias=False)
        self.scale = nn.Parameter(torch.ones(hidden))
        self.bias = nn.Parameter(torch.full((hidden,), -1.0))
        self.rate = nn.Parameter(torch.zeros(hidden))

    def project(self, x: Tensor) -> Tensor:
        return self.seen(x)

    def step(self, p: Tensor, state: State, ctx: Context) -> tuple[Tensor, State]:
        h, guess = state["h"], state["guess"]
        surprise = p - guess
        g = torch.sigmoid(self.scale * surprise.abs() + self.bias)
        h = (1 - g) * h + g * torch.tanh(surprise + self.recall(h))
        return h, {"h": h, "guess": guess + torch.sigmoid(self.rate) * surprise}


class MetronomeCell(Cell):
    """Units with clocks of their own, which the input speeds up; a unit listens while its clock points up.

    a' = a + sigmoid(W_a x) dt;  g = sigmoid(4 cos a');  h' = h + g * (tanh(W_h x + U h) - h)
    y = C [h' | cos a'] + D x
    State: h [B H], angle [B H].
    """

    def __init__(self, d_in: int, *, hidden: int, width: int) -> None:
        super().__init__(d_in, output_size=width, state={"h": Slot((hidden,)), "angle": Slot((hidden,))})
        self.speed = nn.Linear(d_in, hidden)
        self.seen = nn.Linear(d_in, hidden)
        self.recall = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(2 * hidden, width)
        self.skip = nn.Linear(d_in, width, bias=False)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.sigmoid(self.speed(x)), self.seen(x)

    def step(self, p: tuple[Tensor, Tensor], state: State, ctx: Context) -> tuple[Tensor, State]:
        speed, seen = p
        angle = state["angle"] + (speed if ctx.dt is None else speed * ctx.dt)
        g = torch.sigmoid(4 * torch.cos(angle))
        h = state["h"] + g * (torch.tanh(seen + self.recall(state["h"])) - state["h"])
        return torch.cat((h, torch.cos(angle)), dim=-1), {"h": h, "angle": angle}

    def readout(self, y: Tensor, x: Tensor) -> Tensor:
        return self.out(y) + self.skip(x)


class ContrastCell(LinearCell):
    """The difference of a fast and a slow average, whose speeds the input and the elapsed time set.

    a = exp(-softplus(W x + b) dt) for each;  h' = a h + (1 - a) V x;  y = tanh(fast' - slow') * sigmoid(G x)
    State: fast [B H], slow [B H].
    """

    def __init__(self, d_in: int, *, hidden: int) -> None:
        super().__init__(d_in, output_size=hidden, state={"fast": Slot((hidden,)), "slow": Slot((hidden,))})
        self.proj = nn.Linear(d_in, 4 * hidden)  # rows: [fast | slow | value | gate]
        with torch.no_grad():
            self.proj.bias[hidden : 2 * hidden] = -3.0

    def project(self, x: Tensor) -> Tensor:
        return self.proj(x)

    def coeffs(self, p: Tensor, ctx: Context) -> dict[str, tuple[Tensor, Tensor]]:
        fast, slow, value, _ = p.chunk(4, dim=-1)
        found = {}
        for name, speed in (("fast", fast), ("slow", slow)):
            rate = nn.functional.softplus(speed)
            a = torch.exp(-rate if ctx.dt is None else -rate * ctx.dt)
            found[name] = (a, (1 - a) * value)
        return found

    def emit(self, h: State, p: Tensor) -> Tensor:
        gate = p.chunk(4, dim=-1)[3]
        return torch.tanh(h["fast"] - h["slow"]) * torch.sigmoid(gate)


@config
class PlainConfig(CellConfig):
    pass


@config
class MetronomeConfig(CellConfig):
    width: int = option(help="width of the output", ge=1)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.width, past=float("inf"))


def _spec(cls: type[Cell], name: str, config: type[CellConfig], *examples: dict[str, int]) -> CellSpec:
    target = f"{cls.__module__}:{cls.__qualname__}"
    return CellSpec(name=name, target=target, config=config, summary=f"{name}.", flags=FLAGS, examples=examples)


SPECS = (
    _spec(SurpriseCell, "surprise", PlainConfig, {"hidden": 6}, {"hidden": 1}),
    _spec(MetronomeCell, "metronome", MetronomeConfig, {"hidden": 5, "width": 3}),
    _spec(ContrastCell, "contrast", PlainConfig, {"hidden": 6}),
)
