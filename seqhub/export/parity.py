"""Gate B: torch against onnxruntime, case by case, with onnxruntime's graph optimizations on and off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from seqhub.export.cases import BATCHES, CHUNKS, Case, Inputs, anything, cut, make_cases, make_inputs, times
from seqhub.export.compare import Mismatch, Tally, Units, mismatch
from seqhub.export.twin import Role, describe_states
from seqhub.nn import Context, SequenceLayer
from seqhub.runtime.manifest import GraphInfo
from seqhub.runtime.session import Arrays, Graph, open_session

UNITS = "standard output units: raw differences divided by the scale of each output"


@dataclass(frozen=True)
class Failure:
    """The smallest case that failed."""

    role: Role
    case: Case
    optimized: bool
    mismatch: Mismatch

    def __str__(self) -> str:
        return f"{self.mismatch} ({self.case}, onnxruntime optimizations {'on' if self.optimized else 'off'})"


def prove(
    layer: SequenceLayer, proto: onnx.ModelProto, info: GraphInfo, role: Role, units: Units, tolerance: float
) -> tuple[dict[str, Any], Failure | None]:
    """Run every case. Returns the statistics, and the first (smallest) failure if there is one.

    layer: in eval mode, float32, on the CPU.
    """
    model = proto.SerializeToString()
    graphs = {on: Graph(open_session(model, optimize=on), info, describe_states(layer)) for on in (True, False)}
    single, chunked = Tally(), Tally()
    for case in make_cases(layer, role):
        compare = _compare_run if case.chunk is None else _compare_chunks
        tally = single if case.chunk is None else chunked
        with torch.no_grad():
            inputs = make_inputs(case, layer, _tensor(units.input_shift), _tensor(units.input_scale))
            wrong = compare(layer, graphs, case, inputs, units, tolerance, tally)
        if wrong is not None:
            return {}, wrong
    report = single.as_dict()
    if role == "stream":
        report["chunked"] = chunked.as_dict()
    return report, None


def coverage(layer: SequenceLayer) -> dict[str, Any]:
    """What the cases span, for `parity.json`."""
    return {
        "batch": list(BATCHES),
        "time": list(times(layer)),
        "lengths": ["full", "ragged", "idle"],
        "state": ["fresh", "carried"],
        "chunks_in_blocks": list(CHUNKS),
        "block": layer.geometry.block,
        "padding": "NaN",
        "optimizations": ["on", "off"],
    }


def _compare_run(
    layer: SequenceLayer,
    graphs: dict[bool, Graph],
    case: Case,
    inputs: Inputs,
    units: Units,
    tolerance: float,
    tally: Tally,
) -> Failure | None:
    """One run of the graph against one call of the layer: y, out_lengths and every slot."""
    takes_end = graphs[True].takes_end
    ctx = Context(end=inputs.end if takes_end else None)
    y, out_lengths, after = layer(inputs.x, inputs.lengths, inputs.state, inputs.memory, ctx)
    longest = int(out_lengths.max())  # y's time axis may be longer than any row
    raw = _zeroed(y.numpy(), out_lengths.numpy(), units)[:, :longest]
    expected, allowed = units.standard(raw), units.allowed(raw, tolerance)
    idle = _idle_rows(layer, inputs, takes_end)
    for optimized, graph in graphs.items():
        given = {f"state.{name}": value.numpy() for name, value in inputs.state.items()}
        end = inputs.end.numpy() if takes_end else None
        feeds = {**given, **_memory_feeds(inputs)}
        got, got_lengths, got_state = graph.run(inputs.x.numpy(), inputs.lengths.numpy(), feeds, end)
        checks = [mismatch("out_lengths", out_lengths.numpy(), got_lengths, 0.0)]
        if checks[0] is None:
            found = units.standard(_zeroed(got, got_lengths, units)[:, :longest])
            checks.append(mismatch("y", expected, found, allowed) or _dirty_padding(got, got_lengths))
            if checks[-1] is None:
                tally.add(expected, found)
        for name, value in after.items():
            slot = got_state[f"state.{name}"]
            checks.append(mismatch(f"next_state.{name}", value.numpy(), slot, tolerance * (1 + np.abs(value.numpy()))))
            if checks[-1] is None:
                tally.add_state(value.numpy(), slot)
            checks.append(_woken(f"next_state.{name}", given[f"state.{name}"], slot, idle))
        wrong = next((check for check in checks if check is not None), None)
        if wrong is not None:
            return Failure(case.role, case, optimized, wrong)
        tally.cases += 1
    return None


def _idle_rows(layer: SequenceLayer, inputs: Inputs, takes_end: bool) -> np.ndarray:
    """[B] bool: rows that must keep their state to the bit. Not a row that ends, since its end clears what waits."""
    kept = ~inputs.end if takes_end else torch.full_like(inputs.end, layer.geometry.future == 0)
    return np.asarray(((inputs.lengths == 0) & kept).numpy())


def _compare_chunks(
    layer: SequenceLayer,
    graphs: dict[bool, Graph],
    case: Case,
    inputs: Inputs,
    units: Units,
    tolerance: float,
    tally: Tally,
) -> Failure | None:
    """The stream in chunks, its rows ended or flushed, against the layer over the whole sequence."""
    y, out_lengths, _ = layer(inputs.x, inputs.lengths, inputs.state, inputs.memory)
    whole = [row[:n] for row, n in zip(y.numpy(), out_lengths.tolist(), strict=True)]
    for optimized, graph in graphs.items():
        parts = _stream(graph, case, inputs, layer.geometry.block)
        for i, (raw, found) in enumerate(zip(whole, parts, strict=True)):
            expected, streamed = units.standard(raw), units.standard(found)
            wrong = mismatch(f"y of row {i}, streamed,", expected, streamed, units.allowed(raw, tolerance))
            if wrong is not None:
                return Failure(case.role, case, optimized, wrong)
            tally.add(expected, streamed)
        tally.cases += 1
    return None


def _stream(graph: Graph, case: Case, inputs: Inputs, block: int) -> list[np.ndarray]:
    """Feed the chunks: even rows end with their last one, odd rows by an empty one afterwards; idle rows run along."""
    state: Arrays = {f"state.{name}": value.numpy() for name, value in inputs.state.items()}
    memory = _memory_feeds(inputs)
    parts: list[list[np.ndarray]] = [[] for _ in range(case.batch)]
    early = torch.arange(case.batch) % 2 == 0

    def run(x: Tensor, lengths: Tensor, end: Tensor) -> None:
        nonlocal state
        ends = end.numpy() if graph.takes_end else None
        y, out_lengths, state = graph.run(x.numpy(), lengths.numpy(), {**state, **memory}, ends)
        for part, row, n in zip(parts, y, out_lengths.tolist(), strict=True):
            part.append(row[:n])

    ended = torch.zeros(case.batch, dtype=torch.bool)
    for at, take in cut(case, inputs.lengths, block):
        steps = max(int(take.max()), 1)
        index = (at[:, None] + torch.arange(steps)).clamp(max=case.steps - 1)
        x = inputs.x.gather(1, index[..., None].expand(-1, -1, inputs.x.shape[2]))
        x = torch.where((torch.arange(steps) >= take[:, None])[..., None], anything(x), x)
        end = early & (at + take >= inputs.lengths) & ~ended
        run(x, take, end)
        ended |= end
    if graph.takes_end:
        blank = torch.zeros_like(inputs.x[:, :1]) + anything(inputs.x)
        run(blank, torch.zeros_like(inputs.lengths), ~ended)
    return [np.concatenate(part) if part else np.zeros((0, 1)) for part in parts]


def _memory_feeds(inputs: Inputs) -> Arrays:
    """The memory as the graph takes it; nothing for a layer that attends to none."""
    if inputs.memory is None:
        return {}
    return {"memory": inputs.memory.values.numpy(), "memory_lengths": inputs.memory.lengths.numpy()}


def _zeroed(y: np.ndarray, lengths: np.ndarray, units: Units) -> np.ndarray:
    """y with its padding at the outputs' shift, so that it counts as zero in standard units."""
    padding = np.arange(y.shape[1]) >= lengths[:, None]
    return np.where(padding[..., None], units.output_shift.astype(y.dtype), y)


def _dirty_padding(y: np.ndarray, lengths: np.ndarray) -> Mismatch | None:
    padding = np.arange(y.shape[1]) >= lengths[:, None]
    dirt = float(np.abs(np.nan_to_num(y[padding], nan=np.inf)).max(initial=0.0))
    return Mismatch("y", dirt, 0.0, f"y holds {dirt:.3g} in its padding, expected 0") if dirt else None


def _woken(name: str, before: np.ndarray, after: np.ndarray, idle: np.ndarray) -> Mismatch | None:
    """Rows without steps keep their state to the bit."""
    changed = idle & (before != after).reshape(len(before), -1).any(axis=1)
    note = f"{name} changed in a row of length 0, which must keep its state"
    return Mismatch(name, np.inf, 0.0, note) if changed.any() else None


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)
