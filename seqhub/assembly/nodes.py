"""What a plan is made of: blocks at their place, with their widths and what they do to a stream. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from seqhub.api import Use
from seqhub.assembly.scope import Link
from seqhub.errors import Place
from seqhub.geometry import Geometry, identity
from seqhub.recipe.types import Block, DecoderSection, Keys


@dataclass(frozen=True)
class Node:
    """A block at its place in the model: input width, and what it does to a stream.

    name: unique in the model, as in `block2.r0.1`.  branches: of a structure, one or for a parallel more.  link: of a
    skip, the output that it joins.
    """

    block: Block
    name: str
    d_in: int
    geometry: Geometry
    branches: tuple[tuple[Node, ...], ...] = ()
    link: Link | None = None


@dataclass(frozen=True)
class DecoderPlan:
    """What writes the target: its blocks over the embedded tokens, which may read the encoder's outputs."""

    section: DecoderSection
    nodes: tuple[Node, ...]
    geometry: Geometry


@dataclass(frozen=True)
class ModelPlan:
    """What is to be built: the width after the input projection (there is none without `embed`), the blocks, their
    sum, what writes a target, if anything does, and the head, where it is not the task's own.
    """

    width: int
    nodes: tuple[Node, ...]
    geometry: Geometry
    places: Mapping[Keys, Place] = field(default_factory=dict, compare=False)  # for what only building can tell
    embed: bool = True
    decoder: DecoderPlan | None = None
    head: Use | None = None


def every_node(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """The nodes and those inside them, each before its inside."""
    for node in nodes:
        yield node
        for branch in node.branches:
            yield from every_node(branch)


def total(nodes: tuple[Node, ...], width: int) -> Geometry:
    """What nodes in a row do to a stream of that width."""
    geometry = identity(width)
    for node in nodes:
        geometry = geometry.then(node.geometry)
    return geometry


def rates(nodes: tuple[Node, ...]) -> str:
    """The blocks that change the number of steps, and how: `block1.0 (conv1d) 1/2, block1.2 (upsample) 4`."""
    changing = [node for node in nodes if node.geometry.ratio != 1]
    return ", ".join(f"{node.name} ({node.block.type}) {node.geometry.ratio}" for node in changing)


def renamed(name: str, names: dict[str, str]) -> str:
    """The name inside the unrolled repeats around it: `block2.0` in the second turn of block2 is `block2.r1.0`."""
    for prefix in sorted(names, key=len, reverse=True):
        if name.startswith(f"{prefix}."):
            return names[prefix] + name.removeprefix(prefix)
    return name
