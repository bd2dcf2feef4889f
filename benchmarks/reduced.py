"""Reduced precision against float32: size and latency of one LSTM layer over its width, of a Scan cell and a
convolution, in paired runs on one thread; and what int8 does to the metric of an LSTM that was trained.

.venv/bin/python benchmarks/reduced.py            `--train` trains the LSTM of 512 too, which takes minutes
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from paired import compare

from seqhub.cli.output import print_table
from seqhub.export.lower import lower
from seqhub.export.reduced.fp16 import as_fp16
from seqhub.export.reduced.graphs import dress, fold
from seqhub.export.reduced.int8 import Scales, dynamic_int8, static_conv
from seqhub.export.twin import DeploymentTwin, describe_states
from seqhub.nn import Recurrent, SequenceLayer
from seqhub.runtime import Model, load
from seqhub.runtime.session import Graph, open_session
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell
from seqhub_conv.conv1d import Conv1d

FASTER, SMALLER = 1.8, 3.5  # the bars of an LSTM in int8, where its weights decide
RUNS = ((1, 1), (1, 128), (32, 128))  # batch, steps
RECIPE = """
recipe: 1
name: reduced-lstm
seed: 7
task: {type: language-model, tokens: chars, bptt: 64}
data:
  source: {type: pydoc}
  split: {valid: 0.05, test: 0.1}
model:
  width: 64
  blocks:
    - {type: lstm, hidden: 512}
train:
  threads: 1
  epochs: 1
  batch: 16
  limit_batches: LIMIT
  optimizer: {type: adamw, lr: 3e-3, weight_decay: 0.01}
  schedule: {type: cosine, warmup: 20}
export:
  reduced: {precisions: [int8, fp16], max_drop: 0.02}
"""
Rows = list[list[object]]


def sweep(rows: Rows, rounds: int) -> None:
    """Every layer in every precision that reduces it, against its own float32 graph."""
    layers: dict[str, Callable[[], SequenceLayer]] = {
        **{
            f"lstm {size}": lambda size=size: Recurrent(LSTMCell(size, hidden=size)) for size in (32, 64, 128, 256, 512)
        },
        "gru 256": lambda: Recurrent(GRUCell(256, hidden=256)),
        "layernorm-lstm 256 (Scan)": lambda: Recurrent(LayerNormLSTMCell(256, hidden=256)),
        "conv1d 256, kernel 5": lambda: Conv1d(256, channels=256, kernel=5),
    }
    for name, make in layers.items():
        torch.manual_seed(0)
        layer = make().eval()
        proto, info = lower(DeploymentTwin(layer, "stream").eval(), "stream", opset=20)
        states = describe_states(layer)
        folded = fold(proto)
        made = {
            "int8": dynamic_int8(folded, Scales("matrix")),
            "int8, a scale a column": dynamic_int8(folded, Scales("column")),
            "int8-static": static_conv(
                folded, [_feeds(Graph(open_session(proto.SerializeToString()), info, states), 8, 64)]
            ),
            "fp16": as_fp16(folded),
        }
        protos = {"float32": proto, **{p: dress(m, proto, p) for p, m in made.items() if m is not None}}
        if name.startswith("gru"):
            rows.append([name, "int8", "", "", "nothing to quantize: onnxruntime has no int8 GRU", "", ""])
        data = {precision: proto.SerializeToString() for precision, proto in protos.items()}
        graphs = {precision: Graph(open_session(one), info, states) for precision, one in data.items()}
        for batch, steps in RUNS:
            calls = {p: _runner(graph, _feeds(graph, batch, steps)) for p, graph in graphs.items()}
            expected = calls["float32"]()[0]
            for timing in compare(calls, rounds=rounds, warmup=3)[1:]:
                found = calls[timing.name]()[0]
                smaller = len(data["float32"]) / len(data[timing.name])
                bars = name == "lstm 512" and timing.name == "int8"
                verdict = _verdict(1 / timing.ratio, smaller) if bars else ""
                apart = float(np.abs(found - expected).mean() / expected.std())
                size = f"B{batch} T{steps}"
                rows.append([name, timing.name, size, 1 / timing.ratio, smaller, apart, verdict])


def _runner(graph: Graph, feeds: dict[str, np.ndarray]) -> Callable[[], tuple[Any, ...]]:
    x, lengths = feeds.pop("x"), feeds.pop("lengths")
    return lambda: graph.run(x, lengths, feeds)


def _pusher(model: Model) -> Callable[[], object]:
    stream, token = model.stream(), np.zeros((1, 1), np.int64)
    return lambda: stream.push(token)


def _verdict(faster: float, smaller: float) -> str:
    return f"{'ok' if faster >= FASTER and smaller >= SMALLER else 'MISSED'}: {FASTER}x faster, {SMALLER}x smaller"


def _feeds(graph: Graph, batch: int, steps: int) -> dict[str, np.ndarray]:
    width = int(next(tensor for tensor in graph.info.inputs if tensor.name == "x").shape[2])
    x = np.random.default_rng(0).standard_normal((batch, steps, width)).astype(np.float32)
    return {"x": x, "lengths": np.full(batch, steps), **graph.initial_state(batch)}


def trained(limit: int, rounds: int) -> None:
    """An LSTM of 512 over characters: trained for a while, exported, and what the gate found."""
    from seqhub.cli import main

    with tempfile.TemporaryDirectory() as scratch:
        recipe, run = Path(scratch, "recipe.yaml"), Path(scratch, "run")
        recipe.write_text(RECIPE.replace("LIMIT", str(limit)))
        if main(["train", str(recipe), "--out", str(run)]) or main(["export", str(run)]):
            raise SystemExit(1)
        bundle = run / "bundle"
        models = {p: load(bundle, precision=p) for p in ("float32", *load(bundle).manifest.reduced)}
        x = [np.zeros((128, 1), np.int64)]
        rows: Rows = []
        for what, calls in (
            ("one sequence of 128", {p: (lambda m=m: m.outputs(x)) for p, m in models.items()}),
            ("one streamed step", {p: _pusher(m) for p, m in models.items()}),
        ):
            for timing in compare(calls, rounds=rounds, warmup=5)[1:]:
                facts = models[timing.name].manifest.reduced[timing.name].facts
                size, metric = facts["bytes"]["full"], facts["metric"]
                smaller = size["before"] / size["after"]
                verdict = _verdict(1 / timing.ratio, smaller) if timing.name == "int8" else ""
                change = f"{metric['before']:.4f} -> {metric['after']:.4f}, {metric['drop']:+.2%}"
                rows.append([timing.name, what, 1 / timing.ratio, smaller, change, verdict])
        print()
        print_table(["precision", "run", "times faster", "times smaller", f"valid {metric['name']}", "bar"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--train", action="store_true", help="train the LSTM of 512, and judge it")
    parser.add_argument("--limit", type=int, default=250, help="batches of that training")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}, one thread")
    rows: Rows = []
    sweep(rows, args.rounds)
    print_table(["layer", "precision", "run", "times faster", "times smaller", "mean difference / std", "bar"], rows)
    if args.train:
        trained(args.limit, args.rounds)


if __name__ == "__main__":
    main()
