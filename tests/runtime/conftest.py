"""A bundle written by hand: running sums, whose every answer is known without any model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from seqhub.runtime.manifest import FILE, METADATA_KEY, sha256_of

WriteBundle = Callable[..., Path]
FEATURES = ["a", "b"]


@pytest.fixture
def write_bundle(tmp_path: Path) -> WriteBundle:
    """write_bundle(task=..., block=...): a bundle whose y is the sum of all steps so far, at every `block`-th step.

    ahead: its stream gives each sum one step late, and the last at the end.
    """

    def write(task: dict[str, Any] | None = None, block: int = 1, name: str = "sums", *, ahead: bool = False) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        manifest = sums_manifest(task or {"type": "sums"}, block)
        graphs = {role: sums_graph(block) for role in ("full", "stream")}
        if ahead:
            manifest, graphs["stream"] = late_manifest(manifest), late_graph()
        files = {}
        for role, graph in graphs.items():
            entry = graph.metadata_props.add()
            entry.key, entry.value = METADATA_KEY, json.dumps(manifest)
            onnx.save(graph, folder / f"{role}.onnx")
            path = folder / f"{role}.onnx"
            files[path.name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        (folder / FILE).write_text(json.dumps({**manifest, "files": files}))
        return folder

    return write


@pytest.fixture
def bundle(write_bundle: WriteBundle) -> Path:
    return write_bundle()


def sums_manifest(task: dict[str, Any], block: int) -> dict[str, Any]:
    data_in = [tensor("x", "float32", ["batch", "time", 2]), tensor("lengths", "int64", ["batch"])]
    data_out = [tensor("y", "float32", ["batch", "time_out", 2]), tensor("out_lengths", "int64", ["batch"])]
    graph = {
        "inputs": [*data_in, tensor("state.sum.total", "float32", ["batch", 2])],
        "outputs": [*data_out, tensor("next_state.sum.total", "float32", ["batch", 2])],
    }
    state = {"input": "state.sum.total", "output": "next_state.sum.total", "dtype": "float32", "shape": ["batch", 2]}
    return {
        "format": "seqhub-bundle",
        "version": 1,
        "name": "sums",
        "opset": 20,
        "task": task,
        "features": FEATURES,
        "outputs": {"shape": [1, 2] if task["type"] == "forecast" else [2], "names": FEATURES},
        "scaling": {key: [1.0 if key.endswith("scale") else 0.0] * 2 for key in SCALING},
        "geometry": {"ratio": f"1/{block}", "block": block, "past": None, "future": 0, "obstacle": ""},
        "states": [{**state, "init": 0.0}],
        "graphs": {role: {"file": f"{role}.onnx", **graph} for role in ("full", "stream")},
    }


SCALING = ("input_shift", "input_scale", "output_shift", "output_scale")


def tensor(name: str, dtype: str, shape: list[int | str]) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": shape, "meaning": ""}


def late_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """A second state, the input `end`, and one step of look-ahead in the stream."""
    begun = {"input": "state.sum.begun", "output": "next_state.sum.begun", "dtype": "int64", "shape": ["batch", 1]}
    graph = manifest["graphs"]["stream"]
    inputs = [
        *graph["inputs"],
        tensor("state.sum.begun", "int64", ["batch", 1]),
        tensor("end", "bool", ["batch"]),
    ]
    outputs = [*graph["outputs"], tensor("next_state.sum.begun", "int64", ["batch", 1])]
    stream = {**graph, "inputs": inputs, "outputs": outputs}
    return {
        **manifest,
        "geometry": {**manifest["geometry"], "future": 1},
        "states": [*manifest["states"], {**begun, "init": 0.0}],
        "graphs": {**manifest["graphs"], "stream": stream},
    }


def late_graph() -> onnx.ModelProto:
    """Sums as in `sums_graph`, held until the step after comes or the row ends: the one that is held is the total."""
    node = helper.make_node
    graph = sums_graph(1)
    del graph.graph.node[-4:]  # from the slice on
    graph.graph.node.extend(
        [
            node("Unsqueeze", ["state.sum.begun", "two_axis"], ["begun3"]),
            node("Cast", ["begun3"], ["has_held"], to=TensorProto.BOOL),
            node("Concat", ["total3", "masked"], ["with_held"], axis=1),
            node("Pad", ["masked", "one_behind"], ["without"]),
            node("Where", ["has_held", "with_held", "without"], ["sums_there"]),
            node("Squeeze", ["state.sum.begun", "one_axis"], ["begun"]),
            node("Add", ["begun", "lengths"], ["there"]),
            node("Min", ["there", "one"], ["any"]),
            node("Where", ["end", "zero", "any"], ["held"]),
            node("Sub", ["there", "held"], ["out_lengths"]),
            node("Unsqueeze", ["out_lengths", "one_axis"], ["n_out"]),
            node("Add", ["t", "one"], ["t_out"]),
            node("Range", ["zero", "t_out", "one"], ["at_out"]),
            node("Less", ["at_out", "n_out"], ["given"]),
            node("Unsqueeze", ["given", "two_axis"], ["given3"]),
            node("Where", ["given3", "sums_there", "nothing"], ["y"]),
            node("ReduceSum", ["clean", "one_axis"], ["moved"], keepdims=0),
            node("Add", ["state.sum.total", "moved"], ["next_state.sum.total"]),
            node("Unsqueeze", ["any", "one_axis"], ["next_state.sum.begun"]),
        ]
    )
    graph.graph.initializer.append(numpy_helper.from_array(np.array([0, 0, 0, 0, 1, 0]), "one_behind"))
    value = helper.make_tensor_value_info
    graph.graph.input.extend(
        [value("state.sum.begun", TensorProto.INT64, ["batch", 1]), value("end", TensorProto.BOOL, ["batch"])]
    )
    graph.graph.output.append(value("next_state.sum.begun", TensorProto.INT64, ["batch", 1]))
    onnx.checker.check_model(graph, full_check=True)
    return graph


def sums_graph(block: int) -> onnx.ModelProto:
    """y = every block-th of cumsum(x) + total, zero on padding; total' = total + sum of the valid steps."""
    node = helper.make_node
    nodes = [
        node("Shape", ["x"], ["steps"], start=1, end=2),
        node("Squeeze", ["steps"], ["t"]),
        node("Range", ["zero", "t", "one"], ["at"]),
        node("Unsqueeze", ["lengths", "one_axis"], ["n"]),
        node("Less", ["at", "n"], ["valid"]),
        node("Unsqueeze", ["valid", "two_axis"], ["valid3"]),
        node("Where", ["valid3", "x", "nothing"], ["clean"]),
        node("CumSum", ["clean", "one"], ["sums"]),
        node("Unsqueeze", ["state.sum.total", "one_axis"], ["total3"]),
        node("Add", ["sums", "total3"], ["all_sums"]),
        node("Where", ["valid3", "all_sums", "nothing"], ["masked"]),
        node("Slice", ["masked", "first", "last", "one_axis", "stride"], ["y"]),
        node("Div", ["lengths", "block"], ["out_lengths"]),
        node("ReduceSum", ["clean", "one_axis"], ["moved"], keepdims=0),
        node("Add", ["state.sum.total", "moved"], ["next_state.sum.total"]),
    ]
    constants = {
        "zero": np.int64(0),
        "one": np.int64(1),
        "block": np.int64(block),
        "one_axis": np.array([1]),
        "two_axis": np.array([2]),
        "first": np.array([block - 1]),
        "last": np.array([2**31]),
        "stride": np.array([block]),
        "nothing": np.float32(0),
    }
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "sums",
        [
            value("x", TensorProto.FLOAT, ["batch", "time", 2]),
            value("lengths", TensorProto.INT64, ["batch"]),
            value("state.sum.total", TensorProto.FLOAT, ["batch", 2]),
        ],
        [
            value("y", TensorProto.FLOAT, ["batch", "time_out", 2]),
            value("out_lengths", TensorProto.INT64, ["batch"]),
            value("next_state.sum.total", TensorProto.FLOAT, ["batch", 2]),
        ],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.fixture
def source() -> np.random.Generator:
    return np.random.default_rng(7)
