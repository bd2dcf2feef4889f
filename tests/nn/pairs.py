"""Small encoder-decoders for tests: a source of 11 tokens, a target of 7."""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import Chain, Ends, Recurrent, SequenceLayer
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub_attention.additive import Bahdanau
from seqhub_cells.gru import GRUCell
from seqhub_cells.lstm import LSTMCell

SOURCE, TARGET = 11, 7


def ends(target: int = TARGET, source: int = SOURCE) -> Ends:
    """Ids in, scores out."""
    return Ends(
        features=("token",),
        outputs=(target,),
        output_names=tuple(f"t{i}" for i in range(target)),
        input_shift=(0.0,),
        input_scale=(1.0,),
        output_shift=(0.0,) * target,
        output_scale=(1.0,) * target,
        tokens=source,
    )


def small(
    *,
    attention: bool = True,
    bridge: bool = True,
    bidirectional: bool = True,
    tied: str = "none",
    target: int = TARGET,
    source: int = SOURCE,
    seed: int = 0,
) -> EncoderDecoder:
    """A GRU encoder of width 6 (12 in both directions); a decoder of additive attention, or an LSTM without."""
    torch.manual_seed(seed)
    if bidirectional:
        reader = Recurrent(GRUCell(8, hidden=6), direction="bidirectional", backward_cell=GRUCell(8, hidden=6))
    else:
        reader = Recurrent(GRUCell(8, hidden=12))
    writer: dict[str, SequenceLayer] = {}
    if attention:
        writer["0"] = Bahdanau(8, hidden=10, memory_width=12)
    else:
        writer["0"] = Recurrent(LSTMCell(8, hidden=10))
    writer["1"] = Recurrent(GRUCell(10, hidden=9))
    model = EncoderDecoder(
        ends(target, source), Chain(8, {"block0": reader}), Chain(8, writer), bridge=bridge, tied=tied
    )
    for name, parameter in model.named_parameters():  # scores that are told apart
        if "head" in name:
            parameter.data.mul_(10)
    return model.eval()


def batch(rows: tuple[int, ...] = (5, 3, 1, 4), steps: tuple[int, ...] = (6, 1, 4, 0)) -> tuple[Tensor, ...]:
    """x [B S 1] and lengths, targets [B T] and lengths; ids that no vocabulary has on the padding."""
    source = torch.Generator().manual_seed(1)
    x = torch.randint(0, SOURCE, (len(rows), max(rows), 1), generator=source)
    given = torch.randint(0, TARGET, (len(rows), max(steps)), generator=source)
    for row, (n, m) in enumerate(zip(rows, steps, strict=True)):
        x[row, n:], given[row, m:] = -7, -7
    return x, torch.tensor(rows), given, torch.tensor(steps)
