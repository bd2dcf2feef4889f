"""What takes part in a bench: mixers by name, each in a residual block, with an mlp after it. No torch.

embed -> ( x + mixer(norm(x)) -> x + mlp(norm(x)) ) for each mixer -> norm -> head
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqhub.errors import PluginError, UsageError
from seqhub.plugins import Registry

KINDS = ("cell", "attention", "encoder")


@dataclass(frozen=True)
class Mixer:
    """A component that sees more than one step.

    init: first values by role, as in a recipe's `init`.  mlp: inner width of the mlp after it as a multiple of the
    width; 0 for none.
    """

    type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    init: Mapping[str, Any] = field(default_factory=dict)
    mlp: float = 2.0


@dataclass(frozen=True)
class Entry:
    """One model of a bench."""

    name: str
    width: int
    mixers: tuple[Mixer, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"name": self.name, "width": self.width, "mixers": [_plain(mixer) for mixer in self.mixers]}

    def check(self, registry: Registry) -> None:
        """UsageError E001 where a mixer is not installed, or its options do not suit the width."""
        for mixer in self.mixers:
            try:
                config = registry.resolve(mixer.type, KINDS).spec.config
            except PluginError as error:
                raise UsageError(f"{self.name}: {error.problems[0].message}", fix=error.problems[0].fix) from error
            try:
                options = config(**mixer.options)
            except TypeError as error:
                raise UsageError(
                    f"'{self.name}' needs options that the bench does not know ({error})",
                    fix="bench a cell that needs no option but hidden, or an attention that needs heads alone",
                ) from error
            for _, message, fix in options.problems(self.width):
                raise UsageError(f"{self.name} at width {self.width}: {message}", fix=fix)
            shape = options.geometry(self.width)
            if (
                not shape.causal
                or shape.ratio != 1
                or shape.width != self.width
                or getattr(options, "reads_memory", False)
            ):
                raise UsageError(
                    f"{self.name} at width {self.width} is no causal layer from steps to as many steps of one width",
                    fix="bench a cell that needs no option but hidden, or an attention that sees the past alone",
                )


def _plain(mixer: Mixer) -> dict[str, Any]:
    values = dataclasses.asdict(mixer)
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}
