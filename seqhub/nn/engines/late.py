"""What a parameter's gradient takes from all steps at once, after the loop.

A gradient that only sums over rows may as well sum over the rows of all steps: a.T @ b of every step is one product of
the a and b of all steps, and a bias gets its gradient in one pass over rows that such a product wants anyway. `ends`
follows gradients back to what these sums need of each step (factors), or to what is to be added up over time (totals).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import fx

_ops = torch.ops.aten
_VIEWS = (_ops.view.default, _ops.squeeze.dim, _ops.t.default)


def ends(grads: Iterable[fx.Node], later: set[fx.Node], stacked: set[fx.Node]) -> tuple[list[fx.Node], list[fx.Node]]:
    """What the parameters' gradients need of every step: factors and totals. later: nodes that depend on a gradient;
    stacked: those that are wanted of every step in any case.
    """
    sums = list(dict.fromkeys(part for grad in grads for part in _parts(grad)))
    factors = dict.fromkeys(row for node in sums for row in _rows(node))
    totals: dict[fx.Node, None] = {}
    for node in sums:
        if _rows(node):
            continue
        inner = node.args[0] if node.target is _ops.sum.dim_IntList else None
        if not isinstance(inner, fx.Node) or inner not in later:
            totals[node] = None
        elif node.args[1] == [0] and (inner in factors or inner in stacked):
            factors[inner] = None
        else:
            totals[node if inner in factors else inner] = None
    return list(factors), list(totals)


def _parts(grad: fx.Node) -> list[fx.Node]:
    """The sums that a gradient is a view of; several for a parameter that is used more than once."""
    node = grad
    while node.target in _VIEWS and isinstance(node.args[0], fx.Node):
        node = node.args[0]
    if node.target is _ops.add.Tensor and not node.kwargs:
        shape = node.meta["val"].shape
        if all(isinstance(part, fx.Node) and part.meta["val"].shape == shape for part in node.args):
            return [each for part in node.args for each in _parts(part)]  # type: ignore[arg-type]
    return [node]


def _rows(node: fx.Node) -> tuple[fx.Node, ...]:
    """The per-step tensors whose rows a gradient sums over, or nothing where it is no such sum."""
    if node.target is _ops.mm.default:
        left, right = node.args
        if isinstance(left, fx.Node) and isinstance(right, fx.Node) and left.target is _ops.t.default:
            return left.args[0], right  # type: ignore[return-value]
    return ()
