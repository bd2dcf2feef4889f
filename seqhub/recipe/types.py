"""A recipe after reading: typed, complete, with the position that each part was written at. No torch, no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from seqhub.api import Config, Use, config, option
from seqhub.errors import Place, Problem
from seqhub.recipe.sections import ExportSection, TrainSection
from seqhub.recipe.structures import Structure

if TYPE_CHECKING:
    from seqhub.plugins import Component

Keys = tuple[str | int, ...]  # a path in the recipe: ("model", "blocks", 0, "hidden")

BLOCK_KINDS = ("cell", "attention", "encoder", "block")


class Components(Protocol):
    """What a recipe asks of the plugin registry."""

    def resolve(self, name: str, kinds: Sequence[str]) -> Component: ...

    def components(self, kind: str) -> tuple[Component, ...]: ...


@config
class Named(Config):
    """What every block takes."""

    name: str | None = option(
        default=None, help="name in reports and exported states; null: block0, block1, ... by position"
    )


@config
class Repeated(Config):
    """What every block but `repeat` takes."""

    repeat: int = option(default=1, help="this many in a row, each with weights of its own", ge=1, le=1000)
    share: bool = option(default=False, help="with repeat: the same weights every time; the states stay apart")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.share and self.repeat == 1:
            return [("share", "share: true, but the block stands once", "set repeat, or remove share")]
        return []


@config
class Common(Config):
    """What every leaf block takes."""

    dropout: float = option(default=0.0, help="share of the block's output that is zeroed while training", ge=0, lt=1)


@config
class InitOptions(Config):
    """First values by name, role by role; what is not named starts as the cell itself chose."""

    input: Literal["xavier", "orthogonal", "uniform"] | None = option(
        default=None, help="matrices that read the input, gate by gate"
    )
    recurrent: Literal["xavier", "orthogonal", "identity", "uniform", "ring"] | None = option(
        default=None, help="matrices that read the state, gate by gate"
    )
    diagonal: Literal["chrono", "power-law", "ring"] | None = option(
        default=None, help="share of its past that each unit of a diagonal recurrence keeps"
    )
    bias: Literal["zeros", "uniform"] | None = option(default=None, help="biases")
    forget: Literal["forget-bias", "chrono", "power-law"] | None = option(
        default=None, help="biases of the gate that keeps the past"
    )
    value: float = option(default=1.0, help="forget-bias: the gate keeps sigmoid(value)")
    steps: int = option(default=100, help="chrono: the longest memory that the task needs", unit="steps", ge=3)
    exponent: float = option(default=0.56, help="power-law: how fast the mean share kept falls with time", gt=0)
    low: float = option(default=0.9, help="ring: smallest radius", ge=0)
    high: float = option(default=0.999, help="ring: largest radius", gt=0)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.low > self.high:
            return [("low", f"the ring is from {self.low} to {self.high}", "set low below high")]
        return []


@config
class Recurrent(Config):
    """What every recurrent cell takes."""

    direction: Literal["forward", "reverse", "bidirectional"] = option(
        default="forward", help="the order in which time is read; only forward is causal"
    )
    merge: Literal["concat", "sum", "mean"] = option(
        default="concat", help="how the two directions of `bidirectional` are joined"
    )
    init: InitOptions | None = option(default=None, help="first values by name; null: the cell's own")
    input_dropout: float = option(
        default=0.0, help="share of the input columns zeroed while training, the same at every step", ge=0, lt=1
    )
    recurrent_dropout: float = option(
        default=0.0, help="share of the recurrent weights zeroed while training, the same at every step", ge=0, lt=1
    )
    zoneout: float = option(default=0.0, help="share of the units that keep their state at a step", ge=0, lt=1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.merge != "concat" and self.direction != "bidirectional":
            fix = "remove merge, or set direction: bidirectional"
            return [("merge", f"merge: {self.merge} joins two directions, but direction is {self.direction}", fix)]
        return []


@dataclass(frozen=True)
class Part:
    """A component and its options; for `data`, the component is the task."""

    component: Component
    options: Config


@dataclass(frozen=True)
class Block:
    """One entry of `model.blocks`, or of the blocks inside one.

    component, options: of a leaf; None for residual, parallel and the like, which have `structure` and `branches`.
    recurrent: of a cell.  branches: two or more for parallel, none for skip, one for all others.
    """

    path: Keys
    name: str
    type: str
    component: Component | None = None
    options: Config | None = None
    common: Common = field(default_factory=Common)
    recurrent: Recurrent | None = None
    structure: Structure | None = None
    branches: tuple[tuple[Block, ...], ...] = ()


@dataclass(frozen=True)
class DecoderSection:
    """`model.decoder`: what writes another sequence; the options of `DecoderHead`, and the blocks."""

    width: int
    bridge: Literal["linear", "none"]
    tied: Literal["none", "output", "all"]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class ModelSection:
    """`model`: the width of the first block's input, the promise of causality, the blocks from input to output.

    embed: whether the columns are projected to the width.  decoder: with one, the blocks are its encoder.
    head: what stands before the task's outputs, or None for a linear projection.
    """

    width: int
    causal: bool
    blocks: tuple[Block, ...]
    embed: bool = True
    decoder: DecoderSection | None = None
    head: Use | None = None


@dataclass(frozen=True)
class Bound:
    """One line of `expect`: the metric compared with a value, as in `mae <= 0.5`."""

    metric: str
    op: Literal["<=", "<", ">=", ">"]
    value: float
    place: Place

    def holds(self, number: float) -> bool:
        """Whether a measured number is inside; never for NaN."""
        match self.op:
            case "<=":
                return number <= self.value
            case "<":
                return number < self.value
            case ">=":
                return number >= self.value
            case ">":
                return number > self.value

    def __str__(self) -> str:
        return f"{self.metric} {self.op} {self.value:g}"


@dataclass(frozen=True)
class Recipe:
    """A recipe that has passed every check that needs neither shapes nor data.

    text: the bytes of the file.  places: where each path was written.  origins: where each leaf value came from
    (`line 12`, `--set train.epochs=3`, `--smoke` or `default`).  warnings: what is accepted but should change.
    """

    path: Path
    base_dir: Path
    text: bytes
    name: str
    seed: int
    task: Part
    data: Part
    source: Part
    model: ModelSection
    train: TrainSection
    export: ExportSection
    expect: tuple[Bound, ...]
    places: Mapping[Keys, Place]
    origins: Mapping[Keys, str]
    warnings: tuple[Problem, ...] = ()

    def place(self, *keys: str | int) -> Place:
        """Where a path was written; for what was left to its default, the nearest mapping that could hold it."""
        while keys not in self.places:
            keys = keys[:-1]
        return self.places[keys]
