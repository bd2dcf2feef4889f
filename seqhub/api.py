"""All that a plugin module imports: the hook marker, the specs, configuration fields. No torch here.

A plugin module stays free of torch too: it yields specs whose `target` is a string, imported on first use.

    from seqhub.api import CellConfig, CellSpec, config, hookimpl, option

    @config
    class MGUConfig(CellConfig):
        bias: bool = option(True, help="add a bias to the input projection")

    @hookimpl
    def seqhub_register_cells():
        yield CellSpec(name="mgu", target="seqhub_acme.mgu:MGUCell", config=MGUConfig,
                       summary="Minimal gated unit: a GRU that keeps one gate.", reference="arXiv:1603.09420")

The component is built as `MGUCell(d_in, hidden=..., bias=...)`: the fields of its config are its keyword arguments.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform

import pluggy

from seqhub.errors import DataError, Place, PluginError, Problem, SeqhubError
from seqhub.geometry import INF, Geometry, window_geometry

API_GROUP = "seqhub.v1"
hookimpl = pluggy.HookimplMarker("seqhub")

__all__ = [
    "API_GROUP",
    "INF",
    "AttentionSpec",
    "BlockSpec",
    "CellConfig",
    "CellSpec",
    "ComponentSpec",
    "Config",
    "DataError",
    "EncoderSpec",
    "Geometry",
    "HeadSpec",
    "LossSpec",
    "MetricSpec",
    "Place",
    "PluginError",
    "Problem",
    "SeqhubError",
    "SourceSpec",
    "TaskSpec",
    "TokenizerSpec",
    "Use",
    "config",
    "hookimpl",
    "option",
    "use",
    "window_geometry",
]

_T = TypeVar("_T")
_REQUIRED: Any = dataclasses.MISSING


def option(
    default: Any = _REQUIRED,
    *,
    help: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    unit: str = "",
) -> Any:
    """One field of a config: its default, its bounds, and the one line that documents it everywhere.

    Without `default` a recipe must give it. A list or dict default is copied for each instance.
    """
    bounds = {name: value for name, value in (("ge", ge), ("gt", gt), ("le", le), ("lt", lt)) if value is not None}
    metadata = {"help": help, "bounds": bounds, "unit": unit}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: default.copy(), metadata=metadata)
    return field(default=default, metadata=metadata)


def use(kind: str, default: Any = _REQUIRED, *, help: str, on: str = "") -> Any:
    """One field of a config that names a component: `loss: mae`, or `loss: {type: huber, delta: 2.0}`.

    kind: of the component, such as `loss`.  default: a name, or a tuple of names where the field takes several.
    on: what the component must compare; see `LossSpec.on`. The field is annotated `Use | str`, or
    `tuple[Use | str, ...]`: a recipe that was read holds a `Use`; whoever makes the config by hand may give a name.
    """
    return field(default=default, metadata={"help": help, "bounds": {}, "unit": "", "kind": kind, "on": on})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option, use))
def config(cls: type[_T]) -> type[_T]:
    """Make a class of `option`s a frozen, keyword-only dataclass."""
    return dataclass(frozen=True, kw_only=True)(cls)


@config
class Config:
    """Options of a component. Field types: int, float, bool, str, Literal, `X | None`, and tuples or lists of those."""

    def geometry(self, width: int) -> Geometry:
        """What the layer does to a stream of this input width; one width in, the same out, step by step, by default."""
        return Geometry(width=width)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        """What is wrong between fields, or with this input width: (field, message, fix) each."""
        return []


@config
class CellConfig(Config):
    """Options of a recurrent cell."""

    hidden: int = option(help="width of the recurrent state", ge=1)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.hidden, past=INF)


Flag = bool | None  # True: must pass its check; False: not offered, counted; None: tested and reported


@dataclass(frozen=True, kw_only=True)
class ComponentSpec:
    """What a plugin says of one component. Frozen, comparable, without torch.

    name: `[a-z][a-z0-9-]*`; recipes say `name`, or `dist/name` to be exact.  target: `module:attribute`, imported on
    first use. flags: promises that the conformance kit holds the component to; see `FLAGS`.
    examples: option sets, the first the plainest; the documentation shows them and the conformance kit checks each.
    deprecated: what to use instead; a recipe that names the component gets it as a warning with its line.
    """

    kind: ClassVar[str] = "component"
    FLAGS: ClassVar[tuple[str, ...]] = ()

    name: str
    target: str
    config: type[Config]
    summary: str
    reference: str = ""
    flags: Mapping[str, Flag] = field(default_factory=dict)
    examples: tuple[Mapping[str, Any], ...] = ()
    aliases: tuple[str, ...] = ()
    deprecated: str = ""


@dataclass(frozen=True, kw_only=True)
class CellSpec(ComponentSpec):
    """A recurrent cell: `target(d_in, **options)` gives a `seqhub.nn.Cell`."""

    kind: ClassVar[str] = "cell"
    FLAGS: ClassVar[tuple[str, ...]] = ("onnx", "streaming", "bidirectional", "native", "bfloat16", "double")


@dataclass(frozen=True, kw_only=True)
class AttentionSpec(ComponentSpec):
    """An attention: `target(d_in, **options)` gives a `seqhub.nn.SequenceLayer`."""

    kind: ClassVar[str] = "attention"
    FLAGS: ClassVar[tuple[str, ...]] = ("onnx", "streaming", "bfloat16", "double")


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(ComponentSpec):
    """A convolutional encoder: `target(d_in, **options)` gives a `seqhub.nn.SequenceLayer`."""

    kind: ClassVar[str] = "encoder"
    FLAGS: ClassVar[tuple[str, ...]] = ("onnx", "streaming", "bfloat16", "double")


@dataclass(frozen=True, kw_only=True)
class BlockSpec(ComponentSpec):
    """A plain layer between the others (norm, mlp, linear): `target(d_in, **options)` gives a
    `seqhub.nn.SequenceLayer`.
    """

    kind: ClassVar[str] = "block"
    FLAGS: ClassVar[tuple[str, ...]] = ("onnx", "streaming", "bfloat16", "double")


Compared = Literal["numbers", "classes", "tokens"]


@dataclass(frozen=True, kw_only=True)
class LossSpec(ComponentSpec):
    """What training minimises: `target(**options)` is called as `loss(prediction, target)` on two tensors.

    on: what it compares. `numbers`: both `[... K]` in units of one standard deviation; the result has their shape, and
    the task sums it. `classes`, `tokens`: logits `[N C]` and class numbers `[N]`; the result is `[N]`.
    """

    kind: ClassVar[str] = "loss"

    on: Compared = "numbers"


@dataclass(frozen=True, kw_only=True)
class MetricSpec(ComponentSpec):
    """A number that scores answers: `target(**options)` has `update(answer, truth)` and `compute() -> float`.

    A new one is made for each pass over a split, and updated batch by batch. on: `numbers` are `[N K]` in raw units, by
    column; `classes`, `tokens` are logits `[N C]` and class numbers `[N]`.  better: which way it improves.
    """

    kind: ClassVar[str] = "metric"

    on: Compared = "numbers"
    better: Literal["min", "max"] = "min"


@dataclass(frozen=True, kw_only=True)
class HeadSpec(ComponentSpec):
    """What stands after the last block: `target(d_in, d_out, **options)` gives a `seqhub.nn.SequenceLayer`, one output
    of width `d_out` for each step.

    An option `cell_of` names a block of the recipe (or is None): the target is given the cell of that block for it, to
    step with its weights.
    """

    kind: ClassVar[str] = "head"


@dataclass(frozen=True, kw_only=True)
class TokenizerSpec(ComponentSpec):
    """Text to numbers and back: `target(**options)` is a `seqhub.text.Tokenizer`. `fit(texts, specials)` gives its
    vocabulary as plain JSON, for `load(vocabulary)`; then it has `size`, `encode(text) -> list[int]` and
    `decode(numbers) -> str`.
    """

    kind: ClassVar[str] = "tokenizer"


@dataclass(frozen=True, kw_only=True)
class SourceSpec(ComponentSpec):
    """Where data comes from: `target(config, base_dir)` gives a `seqhub.data.Source`."""

    kind: ClassVar[str] = "source"


@dataclass(frozen=True, kw_only=True)
class TaskSpec(ComponentSpec):
    """What is learnt: `config` are the options under `task:`, `data` those under `data:` beside `source`.

    metrics: the names a recipe's `expect` may use, each with whether `min` or `max` is better; the first is the main
    one, by which reduced precision is judged.
    """

    kind: ClassVar[str] = "task"

    data: type[Config] = Config
    metrics: Mapping[str, Literal["min", "max"]] = field(default_factory=dict)


@dataclass(frozen=True)
class Use:
    """A component that an option of a recipe names, and the options that it is given there."""

    spec: ComponentSpec
    options: Config
    dist: str
    version: str

    @property
    def ref(self) -> str:
        """The exact name, such as `seqhub/huber`."""
        return f"{self.dist}/{self.spec.name}"

    @property
    def provider(self) -> str:
        """What runs and bundles record, such as `seqhub/huber==0.1.0`."""
        return f"{self.ref}=={self.version}"

    def build(self, *args: Any) -> Any:
        """`target(*args, **options)`. Raises PluginError E605 where the target cannot be imported."""
        module, _, attribute = self.spec.target.partition(":")
        try:
            target = getattr(importlib.import_module(module), attribute)
        except Exception as error:
            message = f"'{self.ref}' cannot be loaded from {module}: {type(error).__name__}: {error}"
            raise PluginError(message, fix=f"run: seqhub plugins doctor {self.dist}", code="E605") from error
        return target(*args, **{f.name: getattr(self.options, f.name) for f in dataclasses.fields(self.options)})
