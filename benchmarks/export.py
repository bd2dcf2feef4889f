"""What an exported graph costs, on one thread, in processor time: medians of paired rounds beside the bars that they
are held to.

* a cell that becomes `Scan`, here the LSTM's equations, against ONNX's own LSTM operator: both are our graphs
* a bundle's graph against torch eager
* the export of a hybrid of six blocks: both graphs, all gates

.venv/bin/python benchmarks/export.py        # about 40 s of processor time
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from paired import compare, inference

from seqhub.cli.output import print_table
from seqhub.export import export_bundle
from seqhub.export.lower import lower
from seqhub.export.twin import DeploymentTwin, describe_states
from seqhub.nn import Chain, Ends, Recurrent, Residual, SequenceLayer, SequenceModel
from seqhub.runtime import load
from seqhub.runtime.session import Graph, open_session
from seqhub_attention.local import LocalAttention
from seqhub_cells.gru import GRUCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.mgu import MGUCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_conv.conv1d import Conv1d

STEPS, WIDTH, HIDDEN = 128, 64, 128
SCAN_BARS = {1: 3.5, 32: 1.4}
EAGER_BAR, EXPORT_BAR_S = 1.5, 60.0
Rows = list[list[object]]


def opened(layer: SequenceLayer) -> Graph:
    """The layer's graph of whole sequences, as the runtime opens it."""
    proto, info = lower(DeploymentTwin(layer.eval(), "full").eval(), "full", opset=20)
    return Graph(open_session(proto.SerializeToString()), info, describe_states(layer))


def through(graph: Graph, batch: int) -> Callable[[], object]:
    """One run over full rows."""
    x = np.random.default_rng(0).standard_normal((batch, STEPS, graph.info.inputs[0].shape[2]), np.float32)
    lengths, state = np.full(batch, STEPS), graph.initial_state(batch)
    return lambda: graph.run(x, lengths, state)


def scan_against_operator(rows: Rows) -> None:
    """The same equations, once as a loop of small operators and once as one."""
    operator = opened(Recurrent(LSTMCell(WIDTH, hidden=HIDDEN)))
    scan = opened(Recurrent(LSTMCell(WIDTH, hidden=HIDDEN), native=False))
    for batch, bar in SCAN_BARS.items():
        candidates = {"LSTM operator": through(operator, batch), "LSTM as Scan": through(scan, batch)}
        for timing in compare(candidates, rounds=31, clock=time.process_time):
            verdict = "" if timing.name == "LSTM operator" else f"{'<=' if timing.ratio <= bar else '> '} {bar:.1f}"
            rows.append(
                [f"B{batch} T{STEPS} D{WIDTH} H{HIDDEN}", timing.name, timing.milliseconds, timing.ratio, verdict]
            )


def hybrid() -> tuple[SequenceModel, Ends]:
    """Six blocks of three kinds of engine, convolution and attention."""
    torch.manual_seed(0)
    ends = Ends(
        features=("a", "b", "c"),
        outputs=(4,),
        output_names=("w", "x", "y", "z"),
        input_shift=(0.0,) * 3,
        input_scale=(1.0,) * 3,
        output_shift=(0.0,) * 4,
        output_scale=(1.0,) * 4,
    )
    blocks: dict[str, SequenceLayer] = {
        "conv": Conv1d(32, channels=32, kernel=5),
        "lstm": Residual(Recurrent(LSTMCell(32, hidden=32))),
        "attention": Residual(LocalAttention(32, heads=4, window=16)),
        "min-gru": Residual(Recurrent(MinGRUCell(32, hidden=32))),
        "mgu": Residual(Recurrent(MGUCell(32, hidden=32))),
        "gru": Residual(Recurrent(GRUCell(32, hidden=32))),
    }
    return SequenceModel(ends, Chain(32, blocks)).eval(), ends


def export_and_run(rows: Rows) -> float:
    """The hybrid's export, and its full graph against torch eager; returns seconds of the export."""
    model, ends = hybrid()
    with tempfile.TemporaryDirectory() as scratch:
        busy, started = time.process_time(), time.perf_counter()
        report = export_bundle(model, ends, {"type": "other"}, {}, Path(scratch, "bundle"), name="hybrid")
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        cases = sum(
            found["cases"] + sum(part["cases"] for part in found.values() if isinstance(part, dict))
            for found in report.graphs.values()
        )
        graph = load(report.folder).graphs["full"]
        x = torch.randn(1, STEPS, 3)
        lengths, state = torch.tensor([STEPS]), model.initial_state(1)
        eager = inference(lambda: model(x, lengths, state)[0])
        for timing in compare({"bundle": through(graph, 1), "torch eager": eager}, rounds=31, clock=time.process_time):
            bar = "" if timing.name == "bundle" else f"{'>=' if timing.ratio >= EAGER_BAR else '< '} {EAGER_BAR}"
            rows.append([f"hybrid B1 T{STEPS}", timing.name, timing.milliseconds, timing.ratio, bar])
    print(
        f"export of six blocks, {cases} cases: {seconds:.1f} s ({busy:.1f} s of processor), bar {EXPORT_BAR_S:.0f} s\n"
    )
    return seconds


def main() -> None:
    torch.set_num_threads(1)
    rows: Rows = []
    scan_against_operator(rows)
    export_and_run(rows)
    print_table(["size", "candidate", "ms", "ratio", "bar"], rows)


if __name__ == "__main__":
    main()
