"""A stream in chunks, its states carried by hand, against the layer over the whole sequence."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seqhub.export.cases import Case, Inputs, anything, cut
from seqhub.export.compare import Mismatch, Tally, Units
from seqhub.export.single import Runs, Truth, compare_values, memory_feeds
from seqhub.runtime.session import Arrays


def compare_chunks(
    truth: Truth, graph: Runs, case: Case, inputs: Inputs, block: int, units: Units, tolerance: float, tally: Tally
) -> Mismatch | None:
    """Every row's outputs; its stream ended with its last chunk, or was flushed afterwards."""
    slack = truth.slack.get("y", 0.0) / units.output_scale
    whole = [row[:n] for row, n in zip(truth.y, truth.out_lengths.tolist(), strict=True)]
    for i, (raw, found) in enumerate(zip(whole, _stream(graph, case, inputs, block), strict=True)):
        expected, allowed = units.standard(raw), units.allowed(raw, tolerance)
        name, large = f"y of row {i}, streamed,", case.trial == "large"
        wrong = compare_values(name, expected, units.standard(found), allowed, slack, large, tally)
        if wrong is not None:
            return wrong
    tally.end_case()
    return None


def _stream(graph: Runs, case: Case, inputs: Inputs, block: int) -> list[np.ndarray]:
    """Feed the chunks: even rows end with their last one, odd rows by an empty one afterwards; idle rows run along."""
    state: Arrays = {f"state.{name}": value.numpy() for name, value in inputs.state.items()}
    memory = memory_feeds(inputs)
    parts: list[list[np.ndarray]] = [[] for _ in range(case.batch)]
    early = torch.arange(case.batch) % 2 == 0

    def run(x: Tensor, lengths: Tensor, end: Tensor) -> None:
        nonlocal state
        ends = end.numpy() if graph.takes_end else None
        y, out_lengths, state = graph.run(x.numpy(), lengths.numpy(), {**state, **memory}, ends)
        for part, row, n in zip(parts, y, out_lengths.tolist(), strict=True):
            part.append(row[:n])

    ended = torch.zeros(case.batch, dtype=torch.bool)
    for at, take in cut(case, inputs.lengths, block):
        steps = max(int(take.max()), 1)
        index = (at[:, None] + torch.arange(steps)).clamp(max=case.steps - 1)
        x = inputs.x.gather(1, index[..., None].expand(-1, -1, inputs.x.shape[2]))
        x = torch.where((torch.arange(steps) >= take[:, None])[..., None], anything(x), x)
        end = early & (at + take >= inputs.lengths) & ~ended
        run(x, take, end)
        ended |= end
    if graph.takes_end:
        blank = torch.zeros_like(inputs.x[:, :1]) + anything(inputs.x)
        run(blank, torch.zeros_like(inputs.lengths), ~ended)
    return [np.concatenate(part) if part else np.zeros((0, 1)) for part in parts]
