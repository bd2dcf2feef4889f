"""Bringing branches of one stream back into step.

A branch with look-ahead gives its outputs later than its neighbour. What the neighbour gave meanwhile waits in a
queue, so that step j meets step j, chunk by chunk as in the whole sequence. Shapes: B batch, T' output steps, D width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from seqhub.geometry import INF, Geometry
from seqhub.nn.padding import gather_steps, zero_padding
from seqhub.nn.state import Slot, State, prefixed, substate


class Align:
    """Queues for branches over one input; those as slow as the slowest need none. State per queue: steps, how many
    wait.

    Where a branch gives more steps than it gets (an up-sampling), its geometry is a bound only, and every branch that
    may run ahead of another has a queue.
    """

    def __init__(self, branches: Sequence[Geometry]) -> None:
        self.uneven = any(not _paced(branch) for branch in branches)
        self.capacities = [_surplus(i, branches) for i in range(len(branches))]
        self.state: dict[str, Slot] = {}
        for i, (branch, capacity) in enumerate(zip(branches, self.capacities, strict=True)):
            if capacity:
                slots = {"queue": Slot((capacity, branch.width)), "waiting": Slot((1,), dtype="int64")}
                self.state.update(prefixed(f"align{i}", slots))

    def __call__(self, outputs: Sequence[tuple[Tensor, Tensor]], state: State) -> tuple[list[Tensor], Tensor, State]:
        """(y [B T'_i D_i], lengths [B]) per branch -> the aligned ys, all [B T' ..], their lengths, next state."""
        slowest = min(range(len(outputs)), key=lambda i: self.capacities[i])
        most = outputs[slowest][0].shape[1] + self.capacities[slowest]  # no row has more, whatever the others hold
        if not self.state:
            ready = torch.stack([lengths for _, lengths in outputs]).amin(dim=0) if self.uneven else outputs[0][1]
            return [self._fitted(y, ready, most) for y, _ in outputs], ready, {}
        held: list[tuple[Tensor, Tensor]] = []
        counts: list[Tensor] = []
        for i, (y, lengths) in enumerate(outputs):
            capacity = self.capacities[i]
            if not capacity:
                held.append((y, torch.zeros_like(lengths)))
                counts.append(lengths)
                continue
            own = substate(state, f"align{i}")
            waiting = own["waiting"][:, 0]
            held.append((torch.cat((own["queue"].to(y.dtype), y), dim=1), capacity - waiting))
            counts.append(waiting + lengths)
        ready = torch.stack(counts).amin(dim=0)
        aligned: list[Tensor] = []
        next_state: State = {}
        for i, (buffer, start) in enumerate(held):
            capacity = self.capacities[i]
            if not capacity:
                aligned.append(zero_padding(buffer if i == slowest else gather_steps(buffer, start, most), ready))
                continue
            aligned.append(zero_padding(gather_steps(buffer, start, most), ready))
            queue = gather_steps(buffer, outputs[i][1], capacity)
            next_state[f"align{i}.queue"] = queue.to(state[f"align{i}.queue"].dtype)
            # what a row's end leaves over, where another branch filled no block, may be more than the queue holds
            next_state[f"align{i}.waiting"] = (counts[i] - ready).clamp(max=capacity)[:, None]
        return aligned, ready, next_state

    def _fitted(self, y: Tensor, ready: Tensor, most: int) -> Tensor:
        """y with a time axis of `most` steps. Branches that end together may still differ in how long theirs is."""
        if not self.uneven and _same(y.shape[1], most):
            return y
        return zero_padding(gather_steps(y, torch.zeros_like(ready), most), ready)


def _surplus(index: int, branches: Sequence[Geometry]) -> int:
    """The most outputs that a branch can be ahead of any other."""
    own = branches[index]
    slowest = max(branch.future for branch in branches)
    if slowest == INF:
        return 0
    if all(map(_paced, branches)):
        behind = Fraction(slowest - own.future)
        return math.ceil(behind * own.ratio) + (own.ratio != 1) if behind else 0
    early = own.future if _paced(own) else 0  # what it gives at the earliest, and the others at the latest:
    late = max(b.future + b.block - 1 for i, b in enumerate(branches) if i != index)
    return max(0, math.ceil(Fraction(late - early) * own.ratio))


def _paced(branch: Geometry) -> bool:
    """Each output comes as soon as its look-ahead allows, and not before."""
    return not branch.uneven and branch.ratio.numerator == 1


def _same(a: int, b: int) -> bool:
    """Whether two sizes are equal; False for sizes of a traced graph that need not be."""
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    return statically_known_true(a == b)
