"""One run of a graph against one call of the layer, in all that it gives; and against itself, its rows permuted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from seqhub.export.cases import Case, Inputs
from seqhub.export.compare import Mismatch, Tally, Units, mismatch
from seqhub.export.steadiness import unsteadiness
from seqhub.nn import Context, SequenceLayer
from seqhub.runtime.session import Arrays


class Runs(Protocol):
    """What runs a graph: onnxruntime, or onnx's evaluator."""

    takes_end: bool

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Mapping[str, np.ndarray], end: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]: ...


@dataclass(frozen=True, eq=False)
class Truth:
    """What torch gives. slack: how far each large output and slot may move besides, in raw units.

    idle: [B] rows that must keep their state to the bit.
    """

    y: np.ndarray
    out_lengths: np.ndarray
    state: Arrays
    slack: Mapping[str, float]
    idle: np.ndarray


def ask_torch(layer: SequenceLayer, case: Case, inputs: Inputs, takes_end: bool) -> Truth:
    """One call of the layer. A stream in chunks is held against the whole sequence."""
    takes_end = takes_end and case.chunk is None
    ctx = Context(end=inputs.end if takes_end else None)
    y, out_lengths, after = layer(inputs.x, inputs.lengths, inputs.state, inputs.memory, ctx)
    slack = unsteadiness(layer, inputs, ctx) if case.trial == "large" else {}
    # not a row that ends, since its end clears what waits
    kept = ~inputs.end if takes_end else torch.full_like(inputs.end, layer.geometry.future == 0)
    idle = np.asarray(((inputs.lengths == 0) & kept).numpy())
    state = {name: value.numpy() for name, value in after.items()}
    return Truth(y.numpy(), out_lengths.numpy(), state, slack, idle)


def compare_run(
    truth: Truth, graph: Runs, case: Case, inputs: Inputs, units: Units, tolerance: float, tally: Tally
) -> Mismatch | None:
    """y, out_lengths, every slot, zeros in the padding, idle rows that keep their state to the bit."""
    longest, large = int(truth.out_lengths.max()), case.trial == "large"  # y's time axis may be longer than any row
    got, got_lengths, got_state = graph.run(inputs.x.numpy(), inputs.lengths.numpy(), *feeds(inputs, graph))
    wrong = mismatch("out_lengths", truth.out_lengths, got_lengths, 0.0)
    if wrong is not None:
        return wrong
    raw = _zeroed(truth.y, truth.out_lengths, units)[:, :longest]
    expected, found = units.standard(raw), units.standard(_zeroed(got, got_lengths, units)[:, :longest])
    allowed, slack = units.allowed(raw, tolerance), truth.slack.get("y", 0.0) / units.output_scale
    wrong = compare_values("y", expected, found, allowed, slack, large, tally) or _dirty_padding(got, got_lengths)
    if wrong is not None:
        return wrong
    if units.classes and not large:
        valid = np.arange(longest) < got_lengths[:, None]
        tally.add_choices(*(y[valid].reshape(-1, units.classes) for y in (expected, found)))
    for name, value in truth.state.items():
        slot, told = got_state[f"state.{name}"], f"next_state.{name}"
        wrong = _woken(told, inputs.state[name].numpy(), slot, truth.idle)
        if large and wrong is None:
            value, slot, wrong = _finite_alike(told, value, slot)
        close = np.asarray(tolerance * (1 + np.abs(value)))
        wrong = wrong or mismatch(told, value, slot, close + truth.slack.get(name, 0.0))
        if wrong is not None:
            return wrong
        tally.add_state(value, slot)
        if value.dtype.kind == "f":
            tally.add_excuses(np.abs(value - slot), close)
    tally.end_case()
    return None


def compare_values(
    name: str,
    expected: np.ndarray,
    found: np.ndarray,
    allowed: np.ndarray,
    slack: np.ndarray,
    large: bool,
    tally: Tally,
) -> Mismatch | None:
    """Outputs in standard units. Large ones are counted relative to themselves, may overflow in both alike, and may
    differ by `slack` besides.
    """
    if not large:
        wrong = mismatch(name, expected, found, allowed)
        if wrong is None:
            tally.add(expected, found)
        return wrong
    expected, found, wrong = _finite_alike(name, expected, found)
    allowed = np.nan_to_num(allowed, posinf=0.0)
    wrong = wrong or mismatch(name, expected, found, allowed + slack)
    if wrong is None:
        differences = np.abs(expected - found)
        tally.add_differences(differences / (1 + np.abs(expected)))
        tally.add_excuses(differences, allowed)
    return wrong


def compare_permuted(graph: Runs, inputs: Inputs, units: Units, tolerance: float, tally: Tally) -> Mismatch | None:
    """The graph alone: permuted rows give permuted outputs and states."""
    x, lengths = inputs.x.numpy(), inputs.lengths.numpy()
    order = np.random.default_rng(0).permutation(len(x))
    order = np.roll(order, 1) if (order == np.arange(len(x))).all() else order
    state, end = feeds(inputs, graph)
    y, steps, after = graph.run(x, lengths, state, end)
    moved = {name: value[order] for name, value in state.items()}
    got, got_steps, got_after = graph.run(x[order], lengths[order], moved, None if end is None else end[order])
    expected, found = units.standard(y[order]), units.standard(got)
    wrong = mismatch("out_lengths", steps[order], got_steps, 0.0)
    wrong = wrong or mismatch("y", expected, found, units.allowed(y[order], tolerance))
    for name, value in after.items():
        close = tolerance * (1 + np.abs(value[order]))
        wrong = wrong or mismatch(f"next_{name}", value[order], got_after[name], close)
    if wrong is None:
        tally.add(expected, found)
        tally.end_case()
    return wrong


def feeds(inputs: Inputs, graph: Runs) -> tuple[Arrays, np.ndarray | None]:
    """States and memory, and `end` where the graph takes it."""
    state = {f"state.{name}": value.numpy() for name, value in inputs.state.items()}
    return {**state, **memory_feeds(inputs)}, inputs.end.numpy() if graph.takes_end else None


def memory_feeds(inputs: Inputs) -> Arrays:
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


def _finite_alike(name: str, expected: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, Mismatch | None]:
    """Large values may overflow, but in torch and in the graph alike: both with zeros there, or what differs."""
    if expected.dtype.kind != "f" or expected.shape != found.shape:
        return expected, found, None
    finite, graphs = np.isfinite(expected), np.isfinite(found)
    for only, who, whose in ((finite & ~graphs, "the graph", "torch"), (graphs & ~finite, "torch", "the graph")):
        if only.any():
            return expected, found, Mismatch(name, np.inf, 0.0, f"{name} is not finite in {who}, but in {whose} it is")
    return np.where(finite, expected, 0), np.where(finite, found, 0), None


def _woken(name: str, before: np.ndarray, after: np.ndarray, idle: np.ndarray) -> Mismatch | None:
    """Rows without steps keep their state to the bit."""
    changed = idle & (before != after).reshape(len(before), -1).any(axis=1)
    note = f"{name} changed in a row of length 0, which must keep its state"
    return Mismatch(name, np.inf, 0.0, note) if changed.any() else None
