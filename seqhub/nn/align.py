"""Bringing branches of one stream back into step.

A branch with look-ahead gives its outputs later than its neighbour. What the neighbour gave meanwhile waits in a
queue, so that step j meets step j, chunk by chunk as in the whole sequence. Shapes: B batch, T' output steps, D width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from seqhub.geometry import INF, Geometry
from seqhub.nn.padding import gather_steps, zero_padding
from seqhub.nn.state import Slot, State, prefixed, substate


class Align:
    """Queues for branches over one input; those as slow as the slowest need none. State per queue: steps, how many
    wait.
    """

    def __init__(self, branches: Sequence[Geometry]) -> None:
        slowest = max(branch.future for branch in branches)
        self.capacities = [_surplus(branch, slowest) for branch in branches]
        self.state: dict[str, Slot] = {}
        for i, (branch, capacity) in enumerate(zip(branches, self.capacities, strict=True)):
            if capacity:
                slots = {"queue": Slot((capacity, branch.width)), "waiting": Slot((1,), dtype="int64")}
                self.state.update(prefixed(f"align{i}", slots))

    def __call__(self, outputs: Sequence[tuple[Tensor, Tensor]], state: State) -> tuple[list[Tensor], Tensor, State]:
        """(y [B T'_i D_i], lengths [B]) per branch -> the aligned ys, all [B T' ..], their lengths, next state."""
        if not self.state:
            return [y for y, _ in outputs], outputs[0][1], {}
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
        most = min((y.shape[1] for (y, _), c in zip(outputs, self.capacities, strict=True) if not c))
        aligned: list[Tensor] = []
        next_state: State = {}
        for i, (buffer, start) in enumerate(held):
            capacity = self.capacities[i]
            if not capacity:
                aligned.append(buffer[:, :most])
                continue
            aligned.append(zero_padding(gather_steps(buffer, start, most), ready))
            queue = gather_steps(buffer, outputs[i][1], capacity)
            next_state[f"align{i}.queue"] = queue.to(state[f"align{i}.queue"].dtype)
            next_state[f"align{i}.waiting"] = (counts[i] - ready)[:, None]
        return aligned, ready, next_state


def _surplus(branch: Geometry, slowest: float) -> int:
    """The most outputs that a branch can be ahead of the slowest."""
    if branch.future == slowest or slowest == INF:
        return 0
    return math.ceil((slowest - branch.future) * branch.ratio) + (branch.ratio != 1)
