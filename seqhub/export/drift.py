"""Does a small difference pile up? A long stream, or a decoder that is told many tokens, through a graph and through
torch, each carrying its own state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqhub.errors import UsageError
from seqhub.export.cases import draw_steps, first_state
from seqhub.export.compare import Units
from seqhub.nn import Context, Memory, SequenceLayer
from seqhub.runtime.session import Graph

STEPS, CHUNK, PARTS = 5000, 50, 10
MEMORY = 30  # steps of the sequence that a decoder attends to
GROWTH = 3.0  # a difference that grows in proportion to time is 3.8 times as large in the last tenth as in the third


@dataclass(frozen=True)
class Drift:
    """Differences in standard output units: the mean of each tenth of the stream, and the largest of all."""

    steps: int
    parts: tuple[float, ...]
    max: float

    @classmethod
    def of(cls, steps: int, apart: list[np.ndarray]) -> Drift | None:
        """From the differences of each chunk's outputs, [T'_i ...] each; None where they are too few to tell."""
        every = np.concatenate(apart)
        if len(every) < PARTS:
            return None
        return cls(steps, tuple(float(part.mean()) for part in np.array_split(every, PARTS)), float(every.max()))

    @property
    def bounded(self) -> bool:
        """The last tenth is no further off than the first three, but for GROWTH and a rounding."""
        return bool(np.isfinite(self.max)) and self.parts[-1] <= GROWTH * max(self.parts[:3]) + 2.0**-23


def drift(
    graph: Graph, layer: SequenceLayer, units: Units, *, steps: int = STEPS, chunk: int = CHUNK, seed: int = 0
) -> Drift:
    """One row of random steps, a chunk of blocks at a time; a layer that attends to another sequence sees one random
    memory throughout. layer: in eval mode.

    UsageError where the layer gives too few outputs to compare.
    """
    source, block = torch.Generator().manual_seed(seed), layer.geometry.block
    shift, scale = (torch.as_tensor(v, dtype=torch.float32) for v in (units.input_shift, units.input_scale))
    memory = _draw_memory(layer, source)
    state = first_state(layer, 1, memory)
    carried = graph.initial_state(1, 0 if memory is None else MEMORY)
    seen = {} if memory is None else {"memory": memory.values.numpy(), "memory_lengths": memory.lengths.numpy()}
    size, lengths = chunk * block, torch.tensor([chunk * block])
    goes_on = torch.tensor([False])
    apart: list[np.ndarray] = []
    for _ in range(max(PARTS, steps // size)):
        x = draw_steps(layer, (1, size), shift, scale, source)
        with torch.no_grad():
            y, n, state = layer(x, lengths, state, memory, Context(end=goes_on))
        end = goes_on.numpy() if graph.takes_end else None
        found, m, carried = graph.run(x.numpy(), lengths.numpy(), {**carried, **seen}, end)
        count = min(int(n[0]), int(m[0]))
        apart.append(np.abs(units.standard(y[0, :count].numpy()) - units.standard(found[0, :count])))
    whole = Drift.of(steps, apart)
    if whole is None:
        outputs = sum(map(len, apart))
        raise UsageError(f"{outputs} outputs of {steps} steps are too few to see a drift", fix="give more steps")
    return whole


def _draw_memory(layer: SequenceLayer, source: torch.Generator) -> Memory | None:
    if not layer.memory_width:
        return None
    values: Tensor = torch.randn((1, MEMORY, layer.memory_width), generator=source)
    return Memory(values, torch.tensor([MEMORY]))
