"""Peak memory of one train step of an LSTM given as a step, against the fused LSTM: each in a process of its own, the
process's highest resident set after the step less its resident set before it (inputs and weights made, torch warm).

saved: what the loop keeps of the forward for the backward, counted once a storage.

.venv/bin/python benchmarks/engine_memory.py [--compiled]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqhub.cli.output import print_table
from seqhub.nn import Recurrent
from seqhub.nn.engines import compiling
from seqhub.nn.engines.rooms import Rooms
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell

BATCH, STEPS, WIDTH, HIDDEN = 32, 1024, 64, 128
MB = 1e6


def resident() -> float:
    """MB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MB


def highest() -> float:
    """The most MB that this process had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def saved(y: Tensor) -> float:
    """MB that the loop behind y keeps. LookupError: there is no loop."""
    found, stack, seen = None, [y.grad_fn], set[Any]()
    while stack and found is None:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found = getattr(node, "passed", None)
        stack += [parent for parent, _ in node.next_functions]
    if found is None:
        raise LookupError("no traced loop stands behind the outputs")
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in _tensors(found)}
    return sum(storages.values()) / MB


def _tensors(nested: Any) -> Iterator[Tensor]:
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, Rooms):
        yield from _tensors([*nested.inputs, *nested.every])
    elif isinstance(nested, (list, tuple)):
        for item in nested:
            yield from _tensors(item)


def measure(name: str) -> None:
    """Print the peak of one train step, and what it saved."""
    torch.manual_seed(0)
    torch.set_num_threads(2)

    def step(steps: int) -> float:
        x = torch.randn(BATCH, steps, WIDTH)
        kind = name.removesuffix(", compiled")
        run: Callable[[], Tensor]
        if kind == "torch.nn.LSTM":
            run = lambda: lstm(x)[0]  # noqa: E731
        else:
            layer = layers[kind]
            run = lambda: layer(x, torch.full((BATCH,), steps), layer.initial_state(BATCH))[0]  # noqa: E731
        before = resident()
        with compiling(print) if name.endswith("compiled") else nullcontext():
            y = run()
        kept = 0.0 if kind == "torch.nn.LSTM" else saved(y)
        y.square().mean().backward()  # type: ignore[no-untyped-call]
        if steps == STEPS:
            print(f"{highest() - before} {kept}")
        return kept

    lstm = nn.LSTM(WIDTH, HIDDEN, batch_first=True)
    layers = {
        "LSTM equations as a step": Recurrent(LSTMCell(WIDTH, hidden=HIDDEN), native=False),
        "layernorm-lstm": Recurrent(LayerNormLSTMCell(WIDTH, hidden=HIDDEN)),
    }
    step(16)  # traces, compiles, starts the threads
    step(STEPS)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiled", action="store_true", help="the compiled loops too")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        measure(given.only)
        return
    names = ["torch.nn.LSTM", "LSTM equations as a step", "layernorm-lstm"]
    names += ["LSTM equations as a step, compiled", "layernorm-lstm, compiled"] if given.compiled else []
    rows: list[list[object]] = []
    for name in names:
        out = subprocess.run([sys.executable, __file__, "--only", name], capture_output=True, text=True, check=True)
        peak, kept = (float(number) for number in out.stdout.split("\n")[-2].split())
        fused = float(rows[0][1]) if rows else peak  # type: ignore[arg-type]
        rows.append([name, peak, kept, peak / (1.5 * (fused + kept))])
    print_table(["train step at B32 T1024 D64 H128", "peak MB", "saved MB", "peak / 1.5 (LSTM's + saved)"], rows)


if __name__ == "__main__":
    main()
