"""The engines against torch: a train step (forward + backward) and a forward pass, 2 threads, median ratios of paired
runs.

.venv/bin/python benchmarks/engines.py
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from paired import compare, inference, train_step
from torch import Tensor, nn

from seqhub.cli.output import print_table
from seqhub.nn import Context, Recurrent, SequenceLayer
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_cells.rnn import RNNCell

SIZES = ((32, 128, 64, 128), (16, 256, 32, 64))
Rows = list[list[object]]


def whole(layer: SequenceLayer, x: Tensor, lengths: Tensor) -> Callable[[], Tensor]:
    """The layer over the batch, its outputs only."""
    return lambda: layer(x, lengths, layer.initial_state(len(x)))[0]


def add(rows: Rows, size: str, baseline: tuple[str, Callable[[], Tensor], nn.Module], others: list) -> None:
    """One table row a candidate: train step and forward, each against the baseline."""
    every = [baseline, *others]
    steps = compare({name: train_step(run, list(module.parameters())) for name, run, module in every})
    passes = compare({name: inference(run) for name, run, _ in every})
    for step, once in zip(steps, passes, strict=True):
        rows.append([size, step.name, step.milliseconds, step.ratio, once.milliseconds, once.ratio])


def native(rows: Rows, size: tuple[int, int, int, int]) -> None:
    """Cells that are torch's own kernels, through the whole layer, with equal and with ragged lengths."""
    batch, steps, width, hidden = size
    x = torch.randn(batch, steps, width)
    full, ragged = torch.full((batch,), steps), torch.randint(steps // 4, steps + 1, (batch,))
    for cell, torchs in ((LSTMCell, nn.LSTM), (GRUCell, nn.GRU), (RNNCell, nn.RNN)):
        ours, theirs = Recurrent(cell(width, hidden=hidden)), torchs(width, hidden, batch_first=True)

        def packed(theirs: nn.Module = theirs) -> Tensor:
            data = nn.utils.rnn.pack_padded_sequence(x, ragged, batch_first=True, enforce_sorted=False)
            return nn.utils.rnn.pad_packed_sequence(theirs(data)[0], batch_first=True, total_length=steps)[0]

        name = torchs.__name__
        label = f"B{batch} T{steps} D{width} H{hidden}"
        base = (f"torch.nn.{name}", lambda theirs=theirs: theirs(x)[0], theirs)
        add(rows, label, base, [(f"seqhub {name.lower()}", whole(ours, x, full), ours)])
        base = (f"torch.nn.{name}, packed", packed, theirs)
        add(rows, f"{label} ragged", base, [(f"seqhub {name.lower()}", whole(ours, x, ragged), ours)])


def stepped(rows: Rows, size: tuple[int, int, int, int]) -> None:
    """Cells given only as a step, against the fused LSTM."""
    batch, steps, width, hidden = size
    x, full = torch.randn(batch, steps, width), torch.full((batch,), steps)
    lstm = nn.LSTM(width, hidden, batch_first=True)
    as_step = Recurrent(LSTMCell(width, hidden=hidden), native=False)
    normed = Recurrent(LayerNormLSTMCell(width, hidden=hidden))
    others = [
        ("LSTM equations as a step", whole(as_step, x, full), as_step),
        ("layernorm-lstm", whole(normed, x, full), normed),
    ]
    label = f"B{batch} T{steps} D{width} H{hidden}"
    add(rows, label, ("torch.nn.LSTM", lambda: lstm(x)[0], lstm), others)


def linear(rows: Rows, steps: int) -> None:
    """The linear engine against a naive loop over the cell's own step."""
    batch, hidden = 32, 128
    cell = MinGRUCell(hidden, hidden=hidden)
    ours = Recurrent(cell)
    x, full = torch.randn(batch, steps, hidden), torch.full((batch,), steps)

    def loop() -> Tensor:
        state, ys = ours.initial_state(batch), []
        for t in range(steps):
            y, state = cell.step(cell.project(x[:, t]), state, Context())
            ys.append(y)
        return torch.stack(ys, 1)

    label = f"B{batch} T{steps} H{hidden}"
    add(rows, label, ("naive loop, min-gru", loop, cell), [("linear engine, min-gru", whole(ours, x, full), ours)])


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    rows: Rows = []
    for size in SIZES:
        native(rows, size)
        stepped(rows, size)
    for steps in (8, 128, 1024):
        linear(rows, steps)
    print_table(["size", "candidate", "train step ms", "ratio", "forward ms", "ratio "], rows)


if __name__ == "__main__":
    main()
