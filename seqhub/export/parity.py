"""Gate B: torch against onnxruntime, case by case, with onnxruntime's graph optimizations on and off; and in small
cases against onnx's own evaluator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from seqhub.export.cases import BATCHES, CHUNKS, EVALUATED_SIZE, LARGE, Case, Memories, make_cases, make_inputs, times
from seqhub.export.chunked import compare_chunks
from seqhub.export.compare import Mismatch, Tally, Units
from seqhub.export.evaluator import NOTE, CannotEvaluateError, Evaluator
from seqhub.export.single import Runs, ask_torch, compare_permuted, compare_run
from seqhub.export.twin import Role, describe_states
from seqhub.nn import SequenceLayer
from seqhub.runtime.manifest import GraphInfo
from seqhub.runtime.session import Graph, open_session

UNITS = "standard output units: raw differences divided by the scale of each output"
_ORT = {"onnxruntime optimizations on": True, "onnxruntime optimizations off": False}
_EVALUATOR = "onnx's reference evaluator"


@dataclass(frozen=True)
class Failure:
    """The smallest case that failed; by: what ran the graph."""

    role: Role
    case: Case
    by: str
    mismatch: Mismatch

    def __str__(self) -> str:
        return f"{self.mismatch} ({self.case}, {self.by})"


def prove(
    layer: SequenceLayer,
    proto: onnx.ModelProto,
    info: GraphInfo,
    role: Role,
    units: Units,
    tolerance: float,
    memories: Memories | None = None,
) -> tuple[dict[str, Any], Failure | None]:
    """Run every case. Returns the statistics, and the first (smallest) failure if there is one.

    layer: in eval mode, float32, on the CPU.  memories: what it attends to, random numbers if not given.
    """
    model, states = proto.SerializeToString(), describe_states(layer)
    graphs: dict[str, Runs] = {by: Graph(open_session(model, optimize=on), info, states) for by, on in _ORT.items()}
    tallies: dict[str, Tally] = {}
    unsuited = ""
    for case in make_cases(layer, role):
        evaluated = case.trial == "evaluated"
        if evaluated and unsuited:
            continue
        tally = tallies.setdefault("chunked" if case.chunk and case.trial == "ordinary" else case.trial, Tally())
        try:
            runners: dict[str, Runs] = {_EVALUATOR: Evaluator(proto, info, states)} if evaluated else graphs
            by, wrong = _compare(layer, runners, case, units, tolerance, memories, tally)
        except CannotEvaluateError as error:
            unsuited = str(error)
            continue
        if wrong is not None:
            return {}, Failure(role, case, by, wrong)
    return _report(tallies, unsuited), None


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
        "large": "none: inputs are ids" if layer.vocabulary else f"{LARGE:g} standard deviations",
        "evaluator": NOTE,
    }


def _compare(
    layer: SequenceLayer,
    runners: dict[str, Runs],
    case: Case,
    units: Units,
    tolerance: float,
    memories: Memories | None,
    tally: Tally,
) -> tuple[str, Mismatch | None]:
    """The first runner that gives something else than torch, or than itself with rows permuted."""
    with torch.no_grad():
        inputs = make_inputs(case, layer, _tensor(units.input_shift), _tensor(units.input_scale), memories)
        takes_end = next(iter(runners.values())).takes_end
        truth = None if case.trial == "permuted" else ask_torch(layer, case, inputs, takes_end)
    for by, graph in runners.items():
        if truth is None:
            wrong = compare_permuted(graph, inputs, units, tolerance, tally)
        elif case.chunk is None:
            wrong = compare_run(truth, graph, case, inputs, units, tolerance, tally)
        else:
            wrong = compare_chunks(truth, graph, case, inputs, layer.geometry.block, units, tolerance, tally)
        if wrong is not None:
            return by, wrong
    return "", None


def _report(tallies: dict[str, Tally], unsuited: str) -> dict[str, Any]:
    """Ordinary runs at the top, the other trials by name below; a trial without cases is not there."""
    report = tallies.get("ordinary", Tally()).as_dict()
    report |= {name: t.as_dict() for name, t in tallies.items() if name not in ("ordinary", "evaluated") and t.cases}
    if "large" in report:
        report["large"]["excused"] = tallies["large"].excused
    evaluated = tallies.get("evaluated", Tally())
    if not evaluated.cases:
        reason = unsuited or f"every case is larger than {EVALUATED_SIZE} steps"
        return report | {"evaluated": {"cases": 0, "reason": reason}}
    return report | {"evaluated": evaluated.as_dict() | ({"reason": unsuited} if unsuited else {})}


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)
