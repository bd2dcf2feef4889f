"""Checks of both ONNX graphs: every promised dimension is free, and onnxruntime gives what torch gives, case by
case.
"""

from __future__ import annotations

from functools import lru_cache

import onnx

from seqhub.errors import ExportError
from seqhub.export.compare import Units
from seqhub.export.lower import lower
from seqhub.export.parity import prove
from seqhub.export.twin import DeploymentTwin, Role
from seqhub.nn import SequenceLayer
from seqhub.runtime.manifest import GraphInfo
from seqhub.testing.subject import CheckFailed, NotApplicable, Subject

OPSET = 20
TOLERANCE = 1e-4  # absolute plus relative; single precision through another order of additions


def check_full_graph(subject: Subject) -> None:
    """The graph over whole sequences equals torch: 1 to 5 rows, 1 step to many, ragged, idle rows, NaN padding."""
    _prove(subject, "full")


def check_stream_graph(subject: Subject) -> None:
    """The graph over chunks equals torch, and chunk by chunk gives the whole: single steps, blocks, odd numbers,
    all.
    """
    if subject.spec.flags.get("streaming") is False:
        raise NotApplicable("flag streaming is False")
    layer = subject.layer()
    if not layer.geometry.streamable:
        raise CheckFailed(f"flag streaming is True, but: {layer.geometry.obstacle or 'unbounded look-ahead'}")
    _prove(subject, "stream")


def _prove(subject: Subject, role: Role) -> None:
    if subject.spec.flags.get("onnx") is False:
        raise NotApplicable("flag onnx is False")
    layer = subject.layer()
    try:
        proto, info = _lowered(subject.name, _Held(subject, layer), role if layer.geometry.future > 0 else "full")
    except ExportError as error:
        raise CheckFailed(error.problems[0].message) from error
    info = GraphInfo(role, f"{role}.onnx", info.inputs, info.outputs)
    _, failure = prove(layer, proto, info, role, Units.plain(layer.d_in, layer.d_out), TOLERANCE)
    if failure is not None:
        raise CheckFailed(str(failure))


class _Held:
    """A subject's layer beside the name that stands for it in the cache; the layer itself takes no part in equality."""

    def __init__(self, subject: Subject, layer: SequenceLayer) -> None:
        self.target, self.layer = subject.spec.target, layer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.target == other.target

    def __hash__(self) -> int:
        return hash(self.target)


@lru_cache(maxsize=4)
def _lowered(name: str, held: _Held, role: Role) -> tuple[onnx.ModelProto, GraphInfo]:
    """Without look-ahead both graphs are one: the second check takes the first one's."""
    return lower(DeploymentTwin(held.layer, role).eval(), role, opset=OPSET)
