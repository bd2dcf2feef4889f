"""A twin as an ONNX graph: exported, cleaned of what it says about this machine, held to its dimensions (gate A)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass, RemoveUnusedNodesPass
from torch._dynamo.exc import UserError, UserErrorType

from seqhub.errors import ExportError
from seqhub.export.operators import TRANSLATIONS
from seqhub.export.quiet import quiet_exporter
from seqhub.export.twin import NAMES, DeploymentTwin, Role, describe_graph
from seqhub.nn import exporting
from seqhub.runtime.manifest import GraphInfo, TensorInfo

_FROZEN = "a layer's forward loops over time in Python, or turns a size into a Python number: use tensor operations"


def lower(twin: DeploymentTwin, role: Role, *, opset: int) -> tuple[onnx.ModelProto, GraphInfo]:
    """The graph and its tensors. ExportError E501 where torch or ONNX refuse the model, E502 where a size is frozen."""
    promised = describe_graph(twin, role, NAMES.time_out)
    try:
        with torch.no_grad(), exporting(), quiet_exporter():
            program = torch.onnx.export(
                _traced(twin, role),
                dynamo=True,
                opset_version=opset,
                external_data=False,  # one self-contained file
                dynamic_shapes=twin.dynamic_shapes(),  # for their names
                input_names=[tensor.name for tensor in promised.inputs],
                output_names=[tensor.name for tensor in promised.outputs],
                custom_translation_table=dict(TRANSLATIONS),
                verbose=False,
            )
    except ExportError:
        raise
    except Exception as error:  # the exporter raises its own wrappers, and whatever a layer's forward raises
        raise ExportError(f"{role}.onnx: torch could not export the model: {_reason(error)}", code="E501") from error
    if program is None:
        raise ExportError(f"{role}.onnx: torch's exporter returned no program", code="E501")
    for clean in (ClearMetadataAndDocStringPass(), RemoveUnusedNodesPass()):
        clean(program.model)
    proto: onnx.ModelProto = program.model_proto
    info = _settle_dimensions(proto, promised)
    check_graph(proto, role)
    return proto, info


def _traced(twin: DeploymentTwin, role: Role) -> torch.export.ExportedProgram:
    """The twin as torch traces it. What the trace settles of a size from below is granted, as the proof tries the small
    sizes too; a bound from above is refused: the exporter itself would take it in silence.
    """
    shapes: Any = twin.dynamic_shapes()
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        try:
            return torch.export.export(twin, twin.example(), dynamic_shapes=shapes, strict=False)
        except UserError as error:
            if error.error_type is not UserErrorType.CONSTRAINT_VIOLATION:
                raise
            bound = next((line for line in error.msg.splitlines() if re.search(r"max=\d", line)), "")
            if bound:
                message = f"{role}.onnx: a size is bounded by the example's: {bound.strip()}"
                raise ExportError(message, fix=_FROZEN, code="E502") from error
            exceptional = "Suggested fixes:" not in error.msg  # all sizes but one or two, where the trace would differ
            if not exceptional:
                shapes = torch.export.dynamic_shapes.refine_dynamic_shapes_from_suggested_fixes(error.msg, shapes)
        return torch.export.export(
            twin,
            twin.example(),
            dynamic_shapes=shapes,
            strict=False,
            prefer_deferred_runtime_asserts_over_guards=exceptional,
        )


def as_full(proto: onnx.ModelProto, info: GraphInfo) -> tuple[onnx.ModelProto, GraphInfo]:
    """A stream's graph as that of whole sequences: `end` is no longer asked for, every row ends with the run."""
    full = onnx.ModelProto()
    full.CopyFrom(proto)
    given = [value for value in full.graph.input if value.name == "end"]
    if given:
        full.graph.input.remove(given[0])
        full.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((), np.int64), "end.zero"))
        node = onnx.helper.make_node("GreaterOrEqual", ["lengths", "end.zero"], ["end"], name="end")
        full.graph.node.insert(0, node)  # [B] true, for any number of rows
        check_graph(full, "full")
    inputs = tuple(tensor for tensor in info.inputs if tensor.name != "end")
    return full, GraphInfo("full", "full.onnx", inputs, info.outputs)


def check_graph(proto: onnx.ModelProto, role: str) -> None:
    """onnx's full check; ExportError E501 where it fails."""
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ExportError(f"{role}.onnx: onnx's checker refuses the graph: {reason}", code="E501") from error


def _settle_dimensions(proto: onnx.ModelProto, promised: GraphInfo) -> GraphInfo:
    """Gate A: every promised dimension is there by name; the exporter's own name for y's time becomes `time_out`."""
    values = {value.name: value for value in [*proto.graph.input, *proto.graph.output]}
    missing = [t.name for t in (*promised.inputs, *promised.outputs) if t.name not in values]
    if missing:
        raise ExportError(f"{promised.file}: the graph lost {', '.join(missing)}", code="E502")
    time_out = values["y"].type.tensor_type.shape.dim[1]
    unchanged = time_out.dim_param == NAMES.time
    if time_out.dim_param and not unchanged:
        time_out.dim_param = NAMES.time_out
    outputs = tuple(_unchanged_time(t) for t in promised.outputs) if unchanged else promised.outputs
    info = GraphInfo(promised.role, promised.file, promised.inputs, outputs)
    frozen = [problem for t in (*info.inputs, *info.outputs) for problem in _broken_promises(t, values[t.name])]
    if frozen:
        message = f"{info.file}: dimensions were fixed to the example's: {'; '.join(frozen)}"
        raise ExportError(message, fix=_FROZEN, code="E502")
    del proto.graph.value_info[:]  # the exporter's notes on inner tensors, in terms of names that are no longer there
    return info


def _unchanged_time(tensor: TensorInfo) -> TensorInfo:
    shape = tuple(NAMES.time if size == NAMES.time_out else size for size in tensor.shape)
    return TensorInfo(tensor.name, tensor.dtype, shape, tensor.meaning)


def _broken_promises(tensor: TensorInfo, value: onnx.ValueInfoProto) -> list[str]:
    found = tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
    problems = [] if dtype == tensor.dtype else [f"{tensor.name} is {dtype}, promised {tensor.dtype}"]
    if found != tensor.shape:
        problems.append(f"{tensor.name} is {_shape(found)}, promised {_shape(tensor.shape)}")
    return problems


def _shape(sizes: tuple[int | str, ...]) -> str:
    return "[" + " ".join(str(size) for size in sizes) + "]"


def _reason(error: BaseException) -> str:
    """The innermost cause's first line: what lies around it is advice for authors of torch."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
