"""The manifest of a bundle, as the runtime reads it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import onnx

import seqhub
from seqhub.export.twin import NAMES
from seqhub.nn import Ends, SequenceLayer
from seqhub.runtime.manifest import FORMAT, METADATA_KEY, VERSION, GraphInfo, StateInfo

if TYPE_CHECKING:
    from seqhub.assembly.plan import ModelPlan, Node

_TOOLS = ("torch", "onnx", "onnxscript", "onnxruntime")


def build_manifest(
    layer: SequenceLayer,
    ends: Ends,
    task: Mapping[str, Any],
    providers: Mapping[str, str],
    graphs: Iterable[GraphInfo],
    states: Iterable[StateInfo],
    *,
    name: str,
    opset: int,
) -> dict[str, Any]:
    """The JSON that is embedded in every graph; the file beside them adds the checksums."""
    geometry = layer.geometry
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "producer": {"seqhub": seqhub.__version__, **tool_versions()},
        "opset": opset,
        "task": _portable(dict(task)),
        "features": list(ends.features),
        "vocabulary": list(ends.vocabulary),
        "outputs": {"shape": list(ends.outputs), "names": list(ends.output_names)},
        "scaling": _scaling(ends),
        "geometry": {
            "ratio": str(geometry.ratio),
            "block": geometry.block,
            "past": _finite(geometry.past),
            "future": _finite(geometry.future),
            "latency": _finite(geometry.latency),
            "streamable": geometry.streamable,
            "obstacle": geometry.obstacle,
        },
        "states": [{**asdict(state), "shape": [NAMES.batch, *state.shape]} for state in states],
        "plugins": sorted(set(providers.values())),
        "blocks": dict(providers),
        "graphs": {graph.role: _graph(graph) for graph in graphs},
    }


def embed(proto: onnx.ModelProto, manifest: Mapping[str, Any], role: str) -> onnx.ModelProto:
    """A copy of the graph that names its producer and carries the manifest."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    copy.producer_name, copy.producer_version = "seqhub", seqhub.__version__
    copy.graph.name = f"{manifest['name']}.{role}"
    copy.doc_string = ""
    del copy.metadata_props[:]
    entry = copy.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(manifest, ensure_ascii=False, allow_nan=False)
    return copy


def tool_versions() -> dict[str, str]:
    """Versions of what makes and runs the graphs."""
    found: dict[str, str] = {}
    for tool in _TOOLS:
        try:
            found[tool] = version(tool)
        except PackageNotFoundError:
            continue
    return found


def providers_of(plan: ModelPlan) -> dict[str, str]:
    """Block name -> "dist/name==version" for every component of a plan."""
    found: dict[str, str] = {}

    def visit(nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            if node.block.component is not None:
                found[node.name] = node.block.component.provider
            for branch in node.branches:
                visit(branch)

    visit(plan.nodes)
    visit(plan.decoder.nodes if plan.decoder is not None else ())
    return found


def _scaling(ends: Ends) -> dict[str, Any]:
    """What the graphs do to their numbers, for the curious: callers give and get raw ones."""
    values = ends.as_dict()
    return {key: value for key, value in values.items() if key not in ("features", "outputs", "output_names")}


def _portable(value: Any) -> Any:
    """The same JSON without this machine's folders: an absolute path is cut down to its last part."""
    if isinstance(value, Mapping) and {"type", "options", "vocabulary"} <= value.keys():
        return value  # a tokeniser: a token that looks like a path is none
    if isinstance(value, Mapping):
        return {key: _portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(item) for item in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return PureWindowsPath(value).name
    return value


def _finite(steps: float) -> int | None:
    return None if math.isinf(steps) else int(steps)


def _graph(graph: GraphInfo) -> dict[str, Any]:
    return {
        "file": graph.file,
        "inputs": [{**asdict(tensor), "shape": list(tensor.shape)} for tensor in graph.inputs],
        "outputs": [{**asdict(tensor), "shape": list(tensor.shape)} for tensor in graph.outputs],
    }
