"""The earlier outputs that a `skip` can name: those of its own list and of the lists around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from seqhub.geometry import Geometry, identity
from seqhub.recipe.suggest import choice, nearest
from seqhub.recipe.types import Block, Keys


@dataclass(frozen=True)
class Link:
    """An earlier output, seen from here.

    source: the node's name in the plan.  width: its features.  between: what stands between it and here does to the
    stream.  changes: the blocks among those that change the number of steps, in words.
    """

    source: str
    width: int
    between: Geometry
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """Links by the name that a recipe gives. closed: what it is that sees no name outside it, in words."""

    links: Mapping[str, Link] = field(default_factory=dict)
    closed: str = ""

    def behind(self, name: str, type: str, geometry: Geometry) -> Scope:
        """The same, one block further on."""
        changes = (f"{name} ({type}) {geometry.ratio}",) if geometry.ratio != 1 else ()
        moved = {
            key: replace(link, between=link.between.then(geometry), changes=link.changes + changes)
            for key, link in self.links.items()
        }
        return replace(self, links=moved)

    def with_output(self, name: str, source: str, width: int) -> Scope:
        """The same, with the output of the block just passed; an outer block of the same name is out of sight."""
        link = Link(source, width, identity(width))
        return replace(self, links={**self.links, _short(name): link})


def name_places(blocks: tuple[Block, ...]) -> dict[str, tuple[Keys, ...]]:
    """Where the name of each block stands, at every depth."""
    found: dict[str, tuple[Keys, ...]] = {}
    for name, path in _names(blocks):
        if path not in found.get(name, ()):
            found[name] = (*found.get(name, ()), path)
    return found


def missing(name: str, path: Keys, scope: Scope, named: Mapping[str, tuple[Keys, ...]]) -> tuple[str, str]:
    """Why a skip at `path` cannot join the block of that name, and what to do instead."""
    known = sorted(scope.links)
    seen = f"it can join {choice(known)}" if known else "give a block before it a name"
    places = named.get(name, ())
    if not places:
        near = nearest(name, known) or nearest(name, named)
        return f"skip: there is no block '{name}'", f"did you mean '{near}'?" if near else seen
    if any(path[: len(place)] == place for place in places):
        return f"skip is a part of '{name}' itself and cannot join what is not there yet", seen
    if any(_before(place, path) for place in places) and scope.closed:
        message = f"skip cannot join '{name}' from inside {scope.closed}"
        return message, f"put the skip behind it{', or set share: false' if 'shares' in scope.closed else ''}"
    if any(path[: len(place) - 1] == place[:-1] for place in places):
        return f"skip joins an earlier block, but '{name}' comes after it", f"move the skip behind it, or {seen}"
    return f"skip cannot see '{name}', which stands inside another list", seen


def _before(place: Keys, path: Keys) -> bool:
    """Whether a block stands earlier in the list of another, or in one around it."""
    depth = len(place) - 1
    return path[:depth] == place[:depth] and int(place[depth]) < int(path[depth])


def _names(blocks: tuple[Block, ...]) -> Iterator[tuple[str, Keys]]:
    for block in blocks:
        yield _short(block.name), block.path
        for branch in block.branches:
            yield from _names(branch)


def _short(name: str) -> str:
    return name.rpartition(".")[2]
