"""The profiles, and what the profile `ort` adds: each graph as onnxruntime itself fuses it, with its contrib operators.

onnxruntime makes the same fusions whenever it opens a portable graph, so what these files can win is the opening.
They need onnxruntime, are flagged as such in the manifest, and nothing needs them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import onnx
import onnxruntime as ort

from seqhub.errors import ExportError
from seqhub.export.optimised import optimised
from seqhub.export.parity import prove
from seqhub.export.sides import Lowered, Side
from seqhub.runtime.session import open_session

Profile = Literal["portable", "modern", "ort"]
OPSETS: Mapping[Profile, int] = {"portable": 20, "modern": 24, "ort": 20}
SHARE = 0.9  # of the time that the portable graph takes to open: a file that gains less is not worth its bytes
_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Fused:
    """A graph as onnxruntime rewrote it. requires: domains besides ONNX's own.  opens_ms: before and after."""

    proto: onnx.ModelProto
    file: str
    requires: tuple[str, ...]
    opens_ms: tuple[float, float]
    statistics: dict[str, Any]

    @property
    def wins(self) -> bool:
        return self.opens_ms[1] < SHARE * self.opens_ms[0]

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        opens = {"portable": round(self.opens_ms[0], 2), "fused": round(self.opens_ms[1], 2)}
        return {"file": self.file, "requires": list(self.requires), "opens_ms": opens}


def fuse(graph: Lowered, side: Side, tolerance: float) -> Fused:
    """Rewritten, and proven against torch like the graph that it comes from. ExportError E503 where it differs."""
    proto, info = graph
    # the extended ones: those beyond would fit this machine's processor alone
    fused = optimised(proto, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED)
    report, failure = prove(side.layer, fused, info, side.kind, side.units, tolerance, side.memories)
    file = f"{side.role}.ort.onnx"
    if failure is not None:
        message = f"{file}, as onnxruntime {ort.__version__} fuses it, does not equal the model: {failure}"
        raise ExportError(message, fix="export with the profile portable", code="E503")
    requires = sorted({node.domain for node in fused.graph.node if node.domain not in ("", "ai.onnx.ml")})
    return Fused(fused, file, tuple(requires), _opening(proto, fused), report)


def describe_fused(graphs: Mapping[str, Fused]) -> dict[str, Any]:
    """The manifest's part: role -> file, with what it needs; nothing where no graph was kept."""
    if not graphs:
        return {}
    return {"ort": {"onnxruntime": ort.__version__, "graphs": {role: one.as_dict() for role, one in graphs.items()}}}


def _opening(*protos: onnx.ModelProto) -> tuple[float, float]:
    """Median milliseconds to open each, in turn."""
    models: Sequence[bytes] = [proto.SerializeToString() for proto in protos]
    times: list[list[float]] = [[] for _ in models]
    for _ in range(_ROUNDS):
        for own, model in zip(times, models, strict=True):
            start = time.perf_counter()
            open_session(model)
            own.append((time.perf_counter() - start) * 1000)
    before, after = (statistics.median(own) for own in times)
    return before, after
