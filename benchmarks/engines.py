"""The engines against torch: a train step (forward + backward) and a forward pass, 2 threads, median ratios of paired
runs.

.venv/bin/python benchmarks/engines.py
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from paired import compare, inference, train_step
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from seqhub.cli.output import print_table
from seqhub.nn import Context, Recurrent, SequenceLayer
from seqhub.nn.engines import linear_scan, run_memory, run_steps
from seqhub.plugins import load_registry, load_target
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell
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
    """h' = a h + b: the linear engine against loops under autograd, the naive one and the careful one."""
    batch, hidden = 32, 128
    a, b = (nn.Parameter(torch.rand(batch, steps, hidden)) for _ in range(2))
    h0 = torch.zeros(batch, hidden)
    inputs = nn.ParameterList([a, b])

    def naive() -> Tensor:
        h, hs = h0, []
        for t in range(steps):
            h = a[:, t] * h + b[:, t]
            hs.append(h)
        return torch.stack(hs, 1)

    def careful() -> Tensor:
        h, hs = h0, []
        for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
            h = torch.addcmul(b_t, a_t, h)
            hs.append(h)
        return torch.stack(hs, 1)

    ours = ("linear engine", lambda: linear_scan(a, b, h0)[0], inputs)
    add(rows, f"B{batch} T{steps} H{hidden}", ("naive loop", naive, inputs), [("unbound loop", careful, inputs), ours])


def memory(rows: Rows, name: str) -> None:
    """A matrix memory, chunked, against the cell's own step in a loop: terms and read-out included, projections not."""
    batch, steps, hidden = 2, 256, 128
    cell = load_target(load_registry().resolve(name))(hidden, hidden=hidden, heads=4)
    x = torch.randn(batch, steps, hidden)
    state = {key: slot.tensor(batch) for key, slot in cell.state.items()}
    valid = torch.ones(batch, steps, dtype=torch.bool)
    with torch.no_grad():
        inner = (
            x if cell.inlet is None else cell.inlet(x, torch.full((batch,), steps), cell.inlet.initial_state(batch))[0]
        )
        p = tree_map(lambda t: t.detach(), cell.project(inner))
    leaves = tree_map(lambda t: t.requires_grad_() if t.is_floating_point() else t, p)
    ours = (f"{name}, engine", lambda: run_memory(cell, leaves, state, valid, Context())[0], cell)
    base = (f"{name}, loop", lambda: run_steps(cell, leaves, state, valid, Context(), traced=False)[0], cell)
    add(rows, f"B{batch} T{steps} H4 d32", base, [ours])


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    rows: Rows = []
    for size in SIZES:
        native(rows, size)
        stepped(rows, size)
    for steps in (8, 128, 1024):
        linear(rows, steps)
    for name in ("retnet", "gla", "mlstm", "gated-delta-net", "kda", "rwkv7"):
        memory(rows, name)
    print_table(["size", "candidate", "train step ms", "ratio", "forward ms", "ratio "], rows)


if __name__ == "__main__":
    main()
