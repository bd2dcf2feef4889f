"""What does not fit between `model.head` and the blocks before it. No torch."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import Use
from seqhub.assembly.nodes import Node, every_node
from seqhub.recipe.suggest import choice, nearest
from seqhub.recipe.types import Keys

PATH: Keys = ("model", "head")
SHARED = "cell_of"  # the option of a head that names a block


def head_problems(head: Use, nodes: tuple[Node, ...], width: int, writes: bool) -> Iterator[tuple[str, str, str, Keys]]:
    """(code, message, fix, path) each. width: of the last block's output.  writes: whether there is a decoder."""
    if writes:
        message = "a decoder brings its own head, so model.head has nothing to stand before"
        yield "E215", message, "leave out model.head", PATH
    for field, message, fix in head.options.problems(width):
        yield "E201", f"head '{head.spec.name}': {message}", fix, (*PATH, *field.split("."))
    name = getattr(head.options, SHARED, None)
    found = cells_named(nodes, name) if name else []
    if not name or (len(found) == 1 and not _turned(found[0])):
        return
    where = (*PATH, SHARED)
    if len(found) > 1:
        yield "E215", f"a repeat makes {len(found)} cells of '{name}'", "share the cell of a block outside it", where
    elif found:
        message = f"block '{name}' does not read forward, so its cell starts from another end than a head's step"
        yield "E215", message, "set direction: forward, or leave cell_of out", where
    else:
        known = sorted({_short(node) for node in every_node(nodes) if _is_cell(node)})
        near = nearest(name, known)
        seen = f"did you mean '{near}'?" if near else f"the cells are {choice(known)}" if known else "leave it out"
        yield "E215", f"there is no block '{name}' that is a recurrent cell", seen, where


def cells_named(nodes: tuple[Node, ...], name: str) -> list[Node]:
    """The cells that a recipe gives that name; several where a repeat makes turns of one."""
    return [node for node in every_node(nodes) if _is_cell(node) and _short(node) == name]


def _is_cell(node: Node) -> bool:
    return node.block.component is not None and node.block.component.spec.kind == "cell"


def _turned(node: Node) -> bool:
    return node.block.recurrent is not None and node.block.recurrent.direction != "forward"


def _short(node: Node) -> str:
    return node.block.name.rpartition(".")[2]
