"""Blocks that read later steps: why, what changes it, and whether a task minds. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from seqhub.geometry import INF, Geometry
from seqhub.recipe.types import Block

TaskProblems = Callable[[Geometry], Iterable[tuple[str, str, str]]]


@dataclass(frozen=True)
class Ahead:
    """A block that no causal model holds: what it does, and the edit that changes it."""

    who: str
    looks: str
    remedy: str


def leaf_ahead(block: Block, geometry: Geometry, streams: bool) -> Ahead:
    """For a leaf that is not causal. streams: the edit should also let it stream."""
    looks = geometry.obstacle or f"looks {geometry.future:g} steps ahead"
    looks = "sees the whole sequence" if geometry.future == INF and not geometry.obstacle else looks
    own = "" if streams and geometry.obstacle else _own_remedy(block)
    return Ahead(told(block), looks, own or geometry.remedy or "use a causal block")


def spread_ahead(block: Block, steps: int) -> Ahead:
    """For a block that spreads joined steps out again, all inside it being causal."""
    looks = f"spreads {steps} joined steps out again: the first sees the last"
    return Ahead(told(block), looks, "use type: resample, which answers with the last complete steps")


def told(block: Block) -> str:
    """A block as messages name it."""
    return f"block '{block.name}' ({block.type})"


def minds_later_steps(asks: TaskProblems, geometry: Geometry) -> bool:
    """Whether the task objects to this model because it reads later steps: two models that differ in nothing else get
    different answers.
    """
    later = replace(geometry, block=1, future=geometry.future or 1)
    causal = replace(later, future=0, obstacle="", remedy="")
    return not geometry.causal and list(asks(later)) != list(asks(causal))


def _own_remedy(block: Block) -> str:
    """The option of the block that makes it causal, if it has one."""
    wanted: tuple[tuple[str, object, Literal["true", "causal"]], ...] = (
        ("causal", False, "true"),
        ("padding", "centred", "causal"),
    )
    for name, now, value in wanted:
        if getattr(block.options, name, None) == now:
            return f"set {name}: {value}"
    return ""
