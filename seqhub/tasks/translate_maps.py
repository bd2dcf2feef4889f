"""What a translation looked at, token by token: the numbers behind the heat map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqhub.nn.seq2seq import EncoderDecoder, alignments
from seqhub.tasks.translate import Translate
from seqhub.tasks.translate_text import shifted


def heat_maps(
    model: EncoderDecoder, task: Translate, members: Sequence[int], split: str = "test"
) -> list[tuple[list[str], list[str], Tensor]]:
    """Source tokens, the tokens of the translation that is found, and how much of the ones is in the others [T S], of
    some pairs of a split; nothing where the model keeps no alignment.
    """
    corpus, items, found = task.corpus, task.dataset(split), []
    reader, writer = (each.vocabulary.tokens for each in corpus.readers)
    for i in members:
        batch = task.collate([items[i]])
        with torch.inference_mode():
            best = task.found(model, batch, task.search)[0][0]
            written = torch.tensor([[*best.ids, corpus.end]])
            steps = torch.tensor([written.shape[1]])
            memory = model.encode(batch.x, batch.lengths)
            weights = alignments(model, memory, shifted(written, corpus.begin), steps)
        if weights is None:
            return []
        source = [reader[t] for t in batch.x[0, :, 0].tolist()]
        found.append((source, [writer[t] for t in written[0].tolist()], weights[0]))
    return found
