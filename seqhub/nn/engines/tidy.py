"""A traced graph, tidied: fewer operators, the same values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import fx

_ops = torch.ops.aten
PRODUCTS = (_ops.mm.default, _ops.addmm.default, _ops.bmm.default, _ops.baddbmm.default)
_TURNS = (_ops.t.default, _ops.transpose.int, _ops.permute.default)
_JOINED = ((_ops.mm.default, _ops.addmm.default), (_ops.mul.Tensor, _ops.addcmul.default))


def tidy(graph: fx.Graph, *, join: bool) -> None:
    """Drop detaches and double transposes; `join` products and the sums after them, which a compiler does itself."""
    for node in list(graph.nodes):
        if node.target in (_ops.detach.default, _ops.alias.default):
            node.replace_all_uses_with(node.args[0])
    for node in list(graph.nodes):
        inner = node.args[0] if node.target is _ops.t.default else None
        if isinstance(inner, fx.Node) and inner.target is _ops.t.default:
            node.replace_all_uses_with(inner.args[0])
    for product, joined in _JOINED if join else ():
        for node in list(graph.nodes):
            if node.target is _ops.add.Tensor and not node.kwargs:
                _join(graph, node, product, joined)
    graph.eliminate_dead_code()


def straighten(graph: fx.Graph, constant: Collection[fx.Node]) -> None:
    """A constant that products take transposed, laid out so once: with few rows on the other side, a product by a
    transposed view takes up to twice as long.
    """
    for node in constant:
        users = [user for user in node.users if user.target in PRODUCTS and user.args[-1] is node]
        if node.target not in _TURNS or node.meta["val"].is_contiguous() or not users:
            continue
        with graph.inserting_after(node):
            straight = graph.call_function(_ops.clone.default, (node,), {"memory_format": torch.contiguous_format})
        straight.meta = {"val": node.meta["val"].contiguous()}
        for user in users:
            user.replace_input_with(node, straight)


def _join(graph: fx.Graph, node: fx.Node, product: Any, joined: Any) -> None:
    """add(c, a @ b) or add(c, a * b) in one call, where the product is used nowhere else and all have the sum's
    shape.
    """
    shape = node.meta["val"].shape
    for other, inner in (node.args, node.args[::-1]):
        if not isinstance(inner, fx.Node) or not isinstance(other, fx.Node):
            return
        if inner.target is not product or len(inner.users) > 1 or not all(isinstance(a, fx.Node) for a in inner.args):
            continue
        if not inner.meta["val"].shape == other.meta["val"].shape == shape:
            continue
        with graph.inserting_before(node):
            one = graph.call_function(joined, (other, *inner.args))
        one.meta = node.meta
        node.replace_all_uses_with(one)
        return
