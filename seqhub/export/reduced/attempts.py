"""The graphs of a precision: every way to make them, the fastest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime as ort
from onnx import ModelProto

from seqhub.export.reduced.fp16 import as_fp16
from seqhub.export.reduced.gate import Batches, Refused
from seqhub.export.reduced.graphs import dress, float_weights, fold, walk
from seqhub.export.reduced.int8 import Feeds, Scales, dynamic_int8, static_conv
from seqhub.runtime.model import Model

Graphs = dict[str, ModelProto]  # by role
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Attempt:
    """how: what is particular about this way.  graphs: those that it changes.  left: the weights that are still
    float32, by operator, in these and in the others.
    """

    how: str
    graphs: Graphs
    left: dict[str, int]


def attempts(model: Model, precision: str, batches: Batches) -> Iterator[Attempt]:
    """Every way. Raises Refused where there is none."""
    sources = {role: onnx.load(model.folder / graph.info.file) for role, graph in model.graphs.items()}
    try:
        folded = {role: fold(proto) for role, proto in sources.items()}
        for how, changed in _ways(model, precision, folded, batches):
            graphs = {role: dress(proto, sources[role], precision) for role, proto in changed.items()}
            _check(graphs)
            yield Attempt(how, graphs, float32_left({**folded, **graphs}))
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise Refused(f"onnx's checker refuses the graph: {str(error).strip().splitlines()[0]}") from error


def float32_left(graphs: Mapping[str, ModelProto]) -> dict[str, int]:
    """The weights that stay float32, by operator; a bundle's stream has the weights of its full graph once more."""
    found: Counter[str] = Counter()
    for role, proto in graphs.items():
        if role != "stream" or "full" not in graphs:
            found.update(float_weights(proto))
    return dict(found.most_common())


def _ways(model: Model, precision: str, folded: Graphs, batches: Batches) -> Iterator[tuple[str, Graphs]]:
    if precision == "fp16":
        yield "", _some({role: as_fp16(proto) for role, proto in folded.items()}, folded, "")
        return
    conv: Graphs = {}
    if precision == "int8-static":
        fed = [role for role in folded if role != "decoder_step"]  # a decoder reads what it wrote itself
        ranged = {role: _quantized(static_conv, folded[role], _runs(model, role, batches)) for role in fed}
        conv = _some(ranged, folded, "Conv")
    given = {**folded, **conv}
    ways = [Scales("matrix"), Scales("column")]
    if any(
        placed.depth and placed.node.op_type in ("MatMul", "Gemm") for p in folded.values() for placed in walk(p.graph)
    ):
        ways.append(Scales("column", loops=False))  # what a loop rounds, it rounds again at every step
    for scales in ways:
        made = {role: _quantized(dynamic_int8, proto, scales) for role, proto in given.items()}
        if conv and all(proto is None for proto in made.values()):
            yield "", conv
            return
        yield str(scales), {**conv, **_some(made, folded, "")}


def _quantized(
    quantize: Callable[[ModelProto, _T], ModelProto | None], proto: ModelProto, how: _T
) -> ModelProto | None:
    try:
        return quantize(proto, how)
    except Exception as error:  # the quantizer raises whatever its operators' code comes upon
        reason = str(error).strip().splitlines()[:1] or [""]
        raise Refused(f"onnxruntime's quantizer failed: {type(error).__name__}: {reason[0]}") from error


def _some(made: Mapping[str, ModelProto | None], folded: Graphs, only: str) -> Graphs:
    """The graphs that changed; Refused where none did."""
    changed = {role: proto for role, proto in made.items() if proto is not None}
    if not changed:
        weights = ", ".join(f"{operator} {count}" for operator, count in float32_left(folded).items()) or "none"
        what = f"no {only}" if only else "nothing"
        raise Refused(
            f"onnxruntime {ort.__version__} finds {what} to reduce; weights of 512 numbers or more: {weights}"
        )
    return changed


def _runs(model: Model, role: str, batches: Batches) -> Iterator[Feeds]:
    """The same batches as one run each of the graph, from a fresh state."""
    graph = model.graphs[role]
    for x, lengths in batches():
        end = {"end": np.ones(len(x), dtype=bool)} if graph.takes_end else {}
        yield {"x": x, "lengths": lengths, **end, **graph.initial_state(len(x))}


def _check(graphs: Graphs) -> None:
    for proto in graphs.values():
        onnx.checker.check_model(proto, full_check=True)
