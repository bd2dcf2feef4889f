"""Which graphs a model's bundle has: whole sequences and streams, or an encoder and one step of its decoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import onnx
import torch

from seqhub.errors import ExportError, UsageError
from seqhub.export.cases import Memories, encode_memory
from seqhub.export.compare import Units
from seqhub.export.lower import as_full, lower
from seqhub.export.twin import DeploymentTwin, Role
from seqhub.nn import Ends, SequenceLayer
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.runtime.manifest import GraphInfo

Lowered = tuple[onnx.ModelProto, GraphInfo]
_CHOOSE = {"labels", "tokenizer", "tokens"}  # what the manifest of a task holds that picks among scores
_RENAMED = {"y": "memory", "out_lengths": "memory_lengths"}  # an encoder's outputs are the decoder's inputs


@dataclass(frozen=True, eq=False)
class Side:
    """One graph. role: its name in the bundle.  kind: how its layer is run.  within: what its blocks' names begin
    with.  memories: what its layer attends to, if it does and an encoder gives it.
    """

    role: str
    layer: SequenceLayer
    kind: Role
    units: Units
    within: str = ""
    memories: Memories | None = None


def sides_of(layer: SequenceLayer, ends: Ends, graphs: Sequence[str], task: Mapping[str, Any]) -> list[Side]:
    """The graphs of a model. `graphs` chooses among full and stream; an encoder-decoder always has its two.
    task: the task's part of the manifest, which tells whether outputs are scores.

    UsageError for another name; ExportError E504 for a stream of a model that cannot stream.
    """
    if isinstance(layer, EncoderDecoder):
        given = Units.of(ends.as_dict())
        read = Units.plain(ends.d_in, layer.encoder.d_out)
        read = dataclasses.replace(read, input_shift=given.input_shift, input_scale=given.input_scale)
        written = dataclasses.replace(Units.plain(1, layer.decoder.d_out), classes=layer.decoder.d_out)
        shift, scale = (torch.as_tensor(v, dtype=torch.float32) for v in (read.input_shift, read.input_scale))
        memories = partial(encode_memory, layer.encoder, shift, scale)
        return [
            Side("encoder", layer.encoder, "full", read),
            Side("decoder_step", layer.decoder, "stream", written, within="decoder", memories=memories),
        ]
    scores = ends.outputs[-1] if _CHOOSE & task.keys() and ends.outputs[-1] > 1 else 0
    units = dataclasses.replace(Units.of(ends.as_dict()), classes=scores)
    return [Side(role, layer, role, units) for role in _check_roles(layer, graphs)]


def lower_sides(sides: Sequence[Side], opset: int) -> dict[str, Lowered]:
    """Every graph, by role. One export serves both graphs of one layer: the full one is the stream's, every row of
    which ends with the run. ExportError with the role in front.
    """
    found: dict[str, Lowered] = {}
    kinds = {side.kind for side in sides if side.layer is sides[0].layer}
    for side in sides:
        if side.role == "full" and "stream" in kinds:
            continue
        graph = lower(DeploymentTwin(side.layer, side.kind).eval(), side.kind, opset=opset)
        found[side.role] = _renamed(graph, side.role)
    if "full" not in found and any(side.role == "full" for side in sides):
        found["full"] = as_full(*found["stream"])
    return {side.role: found[side.role] for side in sides}


def _renamed(graph: Lowered, role: str) -> Lowered:
    """The graph under its role in the bundle; an encoder's outputs under the names that the decoder takes."""
    proto, info = graph
    if role in ("full", "stream"):
        return graph
    outputs = info.outputs
    if role == "encoder":
        for value in proto.graph.output:
            value.name = _RENAMED.get(value.name, value.name)
        for node in proto.graph.node:
            node.output[:] = [_RENAMED.get(name, name) for name in node.output]
            node.input[:] = [_RENAMED.get(name, name) for name in node.input]
        outputs = tuple(dataclasses.replace(t, name=_RENAMED.get(t.name, t.name)) for t in outputs)
    return proto, GraphInfo(role, f"{role}.onnx", info.inputs, outputs)


def _check_roles(layer: SequenceLayer, graphs: Sequence[str]) -> list[Role]:
    known = get_args(Role)
    unknown = [role for role in graphs if role not in known]
    if unknown or not graphs:
        raise UsageError(f"graphs are {list(graphs)}, expected some of {list(known)}")
    geometry = layer.geometry
    if "stream" in graphs and not geometry.streamable:
        reason = geometry.obstacle or "it looks ahead without bound"
        fix = f"{geometry.remedy}, or export graphs: [full]" if geometry.remedy else "export graphs: [full]"
        raise ExportError(f"the model cannot stream: {reason}", fix=fix, code="E504")
    roles: tuple[Role, ...] = ("full", "stream")
    return [role for role in roles if role in graphs]
