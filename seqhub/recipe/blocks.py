"""`model.blocks`: entries of components, and of blocks inside blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from seqhub.api import Config
from seqhub.errors import PluginError
from seqhub.recipe.nodes import Mapping, Node, Scalar, Sequence, describe
from seqhub.recipe.reader import Reader, dotted, origin
from seqhub.recipe.structures import STRUCTURES, Repeat
from seqhub.recipe.suggest import nearest
from seqhub.recipe.types import BLOCK_KINDS, Block, Common, Components, Keys, Named, Recurrent, Repeated

if TYPE_CHECKING:
    from seqhub.plugins import Component

_C = TypeVar("_C", bound=Config)
_Branches = tuple[tuple[Block, ...], ...]
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_RESERVED = ("anchor", "embed", "head", "input", "pool")  # what every model has around its blocks
_EXAMPLE = "write `- {type: gru, hidden: 64}`"


@dataclass
class BlockReader:
    """Reads blocks; what is wrong goes to `reader`."""

    reader: Reader
    registry: Components

    def blocks(
        self, node: Node, path: Keys, parent: str = "", *, may_be_empty: bool = False
    ) -> tuple[tuple[Block, ...], bool]:
        """The blocks of one list up to the first that is wrong, and whether that is all of them."""
        if isinstance(node, Sequence) and not node.items and may_be_empty:
            return (), True
        if not isinstance(node, Sequence) or not node.items:
            got = "an empty list" if isinstance(node, Sequence) else describe(node)
            self.reader.report("E104", f"{dotted(path)}: expected a list of blocks, got {got}", _EXAMPLE, node.place)
            return (), False
        found: list[Block | None] = []
        taken: dict[str, int] = {}
        for index, item in enumerate(node.items):
            here = (*path, index)
            self.reader.places[here] = item.place
            block = self._block(item, here, parent, f"{parent}.{index}" if parent else f"block{index}")
            if block is not None and taken.setdefault(block.name, index) != index:
                message = f"the name '{block.name}' is taken by entry {taken[block.name]} of this list"
                place = self.reader.places.get((*here, "name"), item.place)
                self.reader.report("E112", message, "give each block a name of its own", place)
                block = None
            found.append(block)
        good = found.index(None) if None in found else len(found)
        return tuple(block for block in found[:good] if block), good == len(found)

    def component(self, tag: Scalar, kinds: tuple[str, ...], words: Iterable[str] = ()) -> Component | None:
        """What a name in the recipe means; E103 where it means nothing. `words` are names that need no component."""
        try:
            component = self.registry.resolve(tag.text, kinds)
        except PluginError as error:
            problem = error.problems[0]
            near = nearest(tag.text, words, 0.75)
            code = "E103" if problem.code in ("E601", "E602") else problem.code
            fix = f"did you mean '{near}'?" if near else problem.fix or "see `seqhub plugins list --load`"
            self.reader.report(code, problem.message, fix, tag.place)
            return None
        spec = component.spec
        if spec.deprecated:
            self.reader.warn("W101", f"{spec.kind} '{tag.text}' is deprecated", spec.deprecated, tag.place)
        return component

    def _block(self, item: Node, path: Keys, parent: str, default_name: str) -> Block | None:
        if isinstance(item, Scalar) and item.value is None:
            self.reader.report("E104", f"{dotted(path)}: expected a block, got {describe(item)}", _EXAMPLE, item.place)
            return None
        node = self.reader.typed(item, path, _EXAMPLE)
        tag = None if node is None else self.reader.tag(node, path, f"a component, or one of {', '.join(STRUCTURES)}")
        if node is None or tag is None:
            return None
        self.reader.origins[(*path, "type")] = origin(tag.place)
        if tag.text in STRUCTURES:
            return self._structure(node, path, tag.text, parent, default_name)
        return self._leaf(node, path, tag, parent, default_name)

    def _leaf(self, node: Mapping, path: Keys, tag: Scalar, parent: str, default_name: str) -> Block | None:
        component = self.component(tag, BLOCK_KINDS, STRUCTURES)
        if component is None:
            return None
        own, kind = component.spec.config, component.spec.kind
        common = [Common, Recurrent] if kind == "cell" else [Common]
        owner = f"{kind} '{tag.text}'"
        found = self.reader.configs(node, path, [own, *common, Repeated, Named], owner=owner, also=["type"])
        disagree = [options for options in found[1:] if options is not None and not self.reader.agrees(options, path)]
        name = self._name(found, path, parent, default_name)
        if None in found or disagree or not name:
            return None
        repeated = _one(found, Repeated)
        leaf = Block(
            path=path,
            name=f"{name}.0" if repeated.repeat > 1 else name,
            type=tag.text,
            component=component,
            options=found[0],
            common=_one(found, Common),
            recurrent=_one(found, Recurrent) if kind == "cell" else None,
        )
        return _several(leaf, name, repeated)

    def _structure(self, node: Mapping, path: Keys, tag: str, parent: str, default_name: str) -> Block | None:
        cls = STRUCTURES[tag]
        key = cls.inner
        classes: list[type[Config]] = [cls, Repeated, Named] if cls.repeats else [cls, Named]
        found = self.reader.configs(node, path, classes, owner=tag, also=["type", key] if key else ["type"])
        agreed = [options is not None and self.reader.agrees(options, path) for options in found]
        name = self._name(found, path, parent, default_name)
        repeated = _one(found, Repeated, Repeated())
        inside = f"{name or default_name}.0" if repeated.repeat > 1 else name or default_name
        branches = self._inside(node, path, key, inside) if key else ()
        if not all(agreed) or not name or branches is None:
            return None
        block = Block(path=path, name=inside, type=tag, structure=_one(found, cls), branches=branches)
        return _several(block, name, repeated)

    def _inside(self, node: Mapping, path: Keys, key: str, name: str) -> _Branches | None:
        """The blocks under `blocks`, or the lists under `branches`; None where one is wrong."""
        entry = node.get(key)
        if entry is None:
            if not any(nearest(other.key, [key]) for other in node.entries):
                what = "a list of two or more lists of blocks" if key == "branches" else "a list of blocks"
                self.reader.report(
                    "E105", f"{dotted(path)} has no '{key}'", f"add '{key}:', {what}", self.reader.places[path]
                )
            return None
        here = (*path, key)
        self.reader.mark(here, entry)
        if key == "blocks":
            inner, complete = self.blocks(entry.node, here, name)
            return (inner,) if complete else None
        if not isinstance(entry.node, Sequence) or len(entry.node.items) < 2:
            message = f"{dotted(here)}: expected two or more branches, got {describe(entry.node)}"
            if isinstance(entry.node, Sequence):
                message = f"{dotted(here)}: expected two or more branches, got {len(entry.node.items)}"
            self.reader.report("E104", message, "write a list of blocks for each branch", entry.node.place)
            return None
        branches = []
        for index, item in enumerate(entry.node.items):
            self.reader.places[(*here, index)] = item.place
            branches.append(self.blocks(item, (*here, index), f"{name}.b{index}", may_be_empty=True))
        return tuple(blocks for blocks, _ in branches) if all(complete for _, complete in branches) else None

    def _name(self, found: list[Config | None], path: Keys, parent: str, default_name: str) -> str:
        """The full name of a block, or '' where the one given is no name."""
        given = _one(found, Named, Named()).name
        if given is None:
            return default_name
        fix = "begin with a small letter; then small letters, digits, '_' and '-'"
        if given in _RESERVED or given.endswith("-dropout"):
            fix = "the framework uses that name itself; take another"
        elif _NAME.fullmatch(given):
            return f"{parent}.{given}" if parent else given
        self.reader.report("E112", f"'{given}' cannot name a block", fix, self.reader.places[(*path, "name")])
        return ""


def _one(found: Iterable[Config | None], cls: type[_C], otherwise: _C | None = None) -> _C:
    """The instance of a class among those read."""
    options = next((options for options in found if isinstance(options, cls)), otherwise)
    if options is None:
        raise TypeError(f"no {cls.__name__} was read")
    return options


def _several(block: Block, name: str, repeated: Repeated) -> Block:
    """`repeat: n` on a block is short for a repeat of it."""
    if repeated.repeat == 1:
        return block
    structure = Repeat(times=repeated.repeat, share=repeated.share)
    return Block(path=block.path, name=name, type="repeat", structure=structure, branches=((block,),))
