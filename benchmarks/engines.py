"""The engines against torch: a train step (forward + backward) and a forward pass, 2 threads, median ratios of paired
runs, beside the bar that the train step's ratio is held to.

.venv/bin/python benchmarks/engines.py            `--no-compile` leaves the compiled loops out, which take minutes
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import torch
from paired import compare, inference, train_step
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from seqhub.cli.output import print_table
from seqhub.nn import Context, Recurrent, SequenceLayer
from seqhub.nn.engines import compiling, linear_scan, run_memory, run_steps
from seqhub.plugins import load_registry, load_target
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.rnn import RNNCell

SIZES = ((32, 128, 64, 128), (16, 256, 32, 64))
STEP_BARS = {SIZES[0]: (2.2, 1.6), SIZES[1]: (3.0, 1.9)}  # eager, compiled
LENGTHS = (8, 32, 128, 512, 1024, 4096, 8192)
Rows = list[list[object]]


def whole(layer: SequenceLayer, x: Tensor, lengths: Tensor) -> Callable[[], Tensor]:
    """The layer over the batch, its outputs only."""
    return lambda: layer(x, lengths, layer.initial_state(len(x)))[0]


def compiled(forward: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The same with compiled loops."""

    def run() -> Tensor:
        with compiling(print):
            return forward()

    return run


def add(
    rows: Rows,
    size: str,
    baseline: tuple[str, Callable[[], Tensor], nn.Module],
    others: list,
    bars: Mapping[str, float],
    rounds: int = 15,
) -> None:
    """One table row a candidate: train step and forward, each against the baseline; bars: highest train-step ratios."""
    every = [baseline, *others]
    warmup = min(3, rounds)
    steps = compare(
        {name: train_step(run, list(module.parameters())) for name, run, module in every}, rounds=rounds, warmup=warmup
    )
    passes = compare({name: inference(run) for name, run, _ in every}, rounds=rounds, warmup=warmup)
    for step, once in zip(steps, passes, strict=True):
        bar = bars.get(step.name)
        verdict = "" if bar is None else f"{'<=' if step.ratio <= bar else '> '} {bar:.2f}"
        rows.append([size, step.name, step.milliseconds, step.ratio, verdict, once.milliseconds, once.ratio])


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
        bars = {f"seqhub {name.lower()}": 1.05}
        add(rows, label, base, [(f"seqhub {name.lower()}", whole(ours, x, full), ours)], bars)
        base = (f"torch.nn.{name}, packed", packed, theirs)
        add(rows, f"{label} ragged", base, [(f"seqhub {name.lower()}", whole(ours, x, ragged), ours)], bars)


def stepped(rows: Rows, size: tuple[int, int, int, int], compile_too: bool) -> None:
    """Cells given only as a step, against the fused LSTM: the traced loop, and the compiled one."""
    batch, steps, width, hidden = size
    x, full = torch.randn(batch, steps, width), torch.full((batch,), steps)
    lstm = nn.LSTM(width, hidden, batch_first=True)
    as_step = Recurrent(LSTMCell(width, hidden=hidden), native=False)
    normed = Recurrent(LayerNormLSTMCell(width, hidden=hidden))
    others, bars = [], {}
    for name, layer in (("LSTM equations as a step", as_step), ("layernorm-lstm", normed)):
        run = whole(layer, x, full)
        others.append((name, run, layer))
        bars[name], bars[f"{name}, compiled"] = STEP_BARS[size]
        if compile_too:
            others.append((f"{name}, compiled", compiled(run), layer))
    label = f"B{batch} T{steps} D{width} H{hidden}"
    add(rows, label, ("torch.nn.LSTM", lambda: lstm(x)[0], lstm), others, bars)


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
    careful_one = ("unbound loop", careful, inputs)
    label, rounds = f"B{batch} T{steps} H{hidden}", 15 if steps <= 1024 else 3
    bars = {"linear engine": 0.1 if steps == 128 else 1.0}
    if steps > 1024:  # the naive loop's backward is quadratic in time: minutes
        add(rows, label, careful_one, [ours], bars, rounds)
    else:
        add(rows, label, ("naive loop", naive, inputs), [careful_one, ours], bars, rounds)


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
    add(rows, f"B{batch} T{steps} H4 d32", base, [ours], {ours[0]: 1 / 3})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-compile", action="store_true", help="leave out the compiled loops")
    compile_too = not parser.parse_args().no_compile
    torch.manual_seed(0)
    torch.set_num_threads(2)
    rows: Rows = []
    for size in SIZES:
        native(rows, size)
        stepped(rows, size, compile_too)
    for steps in LENGTHS:
        linear(rows, steps)
    for name in ("retnet", "gla", "mlstm", "gated-delta-net", "kda", "rwkv7"):
        memory(rows, name)
    print_table(["size", "candidate", "train step ms", "ratio", "bar", "forward ms", "ratio "], rows)


if __name__ == "__main__":
    main()
