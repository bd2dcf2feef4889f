"""The ends of a model over tokens: ids into vectors, and vectors into one score for each token.

Shapes: B batch, T time, W width, V tokens, C characters of a token's spelling.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqhub.geometry import identity
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, State

_INIT_STD = 0.1  # small against the projections that follow, and no score of a tied head starts out large


class Embedding(SequenceLayer):
    """x [B T 1] ids -> [B T W], a row of the table each.

    dropout: share of the tokens of the vocabulary whose row is zero for one batch in training, the others scaled up
    (arXiv:1512.05287, section 4; arXiv:1708.02182).
    """

    def __init__(self, tokens: int, *, width: int, dropout: float = 0.0) -> None:
        super().__init__(1, identity(width))
        self.vocabulary = (tokens,)
        self.dropout = dropout
        self.weight = nn.Parameter(torch.randn(tokens, width) * _INIT_STD)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        ids = zero_padding(x, lengths)[..., 0]
        return zero_padding(functional.embedding(ids, self._table()), lengths), lengths, {}

    def _table(self) -> Tensor:
        if not self.training or not self.dropout:
            return self.weight
        kept = torch.rand(len(self.weight), 1, device=self.weight.device) >= self.dropout
        return self.weight * kept / (1 - self.dropout)


class SpelledEmbedding(SequenceLayer):
    """x [B T 1+C] ids -> [B T W]: a row for the word beside a convolution over its spelling, the largest value of each
    filter (arXiv:1511.08308). A spelling ends at its first 0.

    A quarter of the width is for the spelling. kernel: characters that a filter sees.
    """

    def __init__(
        self, tokens: int, characters: int, columns: int, *, width: int, kernel: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__(1 + columns, identity(width))
        spelled = max(1, width // 4)
        self.vocabulary = (tokens,) + (characters,) * columns
        self.word = Embedding(tokens, width=width - spelled, dropout=dropout)
        self.character = nn.Parameter(torch.randn(characters, spelled) * _INIT_STD)
        self.filters = nn.Conv1d(spelled, spelled, kernel, padding=kernel // 2)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        words, _, _ = self.word(x[..., :1], lengths, {})
        letters = zero_padding(x, lengths)[..., 1:]  # [B T C]
        there = (letters > 0)[..., None]
        vectors = torch.where(there, functional.embedding(letters, self.character), 0.0)  # [B T C S]
        found = self.filters(vectors.flatten(0, 1).transpose(1, 2)).transpose(1, 2)  # [B*T C S]
        found = found.reshape(vectors.shape)
        lowest = torch.where(there, found, torch.full_like(found, -1e4)).amax(dim=2)
        spelled = torch.where(there.any(dim=2), lowest, torch.zeros_like(lowest))
        return zero_padding(torch.cat([words, spelled], dim=-1), lengths), lengths, {}


class TiedHead(SequenceLayer):
    """Scores [B T V] = x E^T + b with the embedding's own table E (arXiv:1608.05859), x projected to its width first
    where it differs.
    """

    def __init__(self, d_in: int, table: nn.Parameter) -> None:
        tokens, width = table.shape
        super().__init__(d_in, identity(tokens))
        self.weight = table
        self.bias = nn.Parameter(torch.zeros(tokens))
        self.project = nn.Identity() if d_in == width else nn.Linear(d_in, width)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        scores = functional.linear(self.project(zero_padding(x, lengths)), self.weight, self.bias)
        return zero_padding(scores, lengths), lengths, {}


class CRFHead(SequenceLayer):
    """Pairwise scores of a linear chain: y[b, t] is [L+1, L], flattened; row i, column j is the score of label j after
    label i, and row L that of label j at the start of a sequence (arXiv:1508.01991).

    Loss and Viterbi need y alone, so the transitions travel inside the graph.
    """

    def __init__(self, d_in: int, labels: int) -> None:
        super().__init__(d_in, identity((labels + 1) * labels))
        self.emission = nn.Linear(d_in, labels)
        self.transition = nn.Parameter(torch.zeros(labels + 1, labels))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        emitted = self.emission(zero_padding(x, lengths))  # [B T L]
        scores = (emitted[:, :, None, :] + self.transition).flatten(2)
        return zero_padding(scores, lengths), lengths, {}
