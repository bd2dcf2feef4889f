"""Translations by torch's model: the very search that the bundle uses."""

from __future__ import annotations

import numpy as np
import torch

from seqhub.data.batch import Batch
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.nn.state import Memory
from seqhub.runtime.decoding import Arrays, Hypothesis, Search, search


def translations(
    model: EncoderDecoder, batch: Batch, options: Search, *, begin: int, end: int, never: tuple[int, ...], best: int = 1
) -> list[list[Hypothesis]]:
    """The `best` translations of each row, likeliest first."""
    memory = model.encode(batch.x, batch.lengths)

    def step(tokens: np.ndarray, rows: np.ndarray, state: Arrays) -> tuple[np.ndarray, Arrays]:
        at = torch.from_numpy(rows).to(batch.x.device)
        ids = torch.from_numpy(tokens).to(batch.x.device)[:, None, None]
        seen = Memory(memory.values[at], memory.lengths[at])
        scores, _, after = model.decoder(ids, torch.ones_like(at), state, seen)
        return scores[:, 0].detach().cpu().numpy(), after

    limits = options.limits(batch.lengths.tolist())
    first = model.first_state(memory)
    return search(step, first, limits, options, begin=begin, end=end, never=never, best=best)
