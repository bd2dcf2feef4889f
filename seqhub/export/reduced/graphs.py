"""Graphs as the reducers read and leave them: folded, walked with their subgraphs, cleaned."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnxruntime as ort
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from seqhub.export.optimised import optimised

LEAST = 512  # weights of the smallest matrix that is reduced: below, nothing is won and precision is lost


@dataclass(frozen=True)
class Placed:
    """A node, and the initializers that it sees: those of its own graph, and of the graphs around it."""

    node: NodeProto
    seen: Mapping[str, TensorProto]
    depth: int

    def weights(self, at: int) -> int:
        """Numbers in the float32 matrix that is its input there; 0 where that is none."""
        tensor = self.seen.get(self.node.input[at]) if at < len(self.node.input) else None
        return matrix_size(tensor) if tensor is not None and tensor.data_type == TensorProto.FLOAT else 0


def fold(proto: ModelProto) -> ModelProto:
    """The graph with everything computed that depends on no input, by onnxruntime's own basic optimizations: a weight
    is then one initializer, in the layout that its operator reads.
    """
    return optimised(proto, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC)


def walk(graph: GraphProto, around: Mapping[str, TensorProto] | None = None, depth: int = 0) -> Iterator[Placed]:
    """Every node, those of subgraphs behind the node that holds them."""
    seen = {**(around or {}), **{tensor.name: tensor for tensor in graph.initializer}}
    for node in graph.node:
        yield Placed(node, seen, depth)
        for inner in _inner(node):
            yield from walk(inner, seen, depth + 1)


def graphs_of(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph and every graph inside it."""
    yield graph
    for node in graph.node:
        for inner in _inner(node):
            yield from graphs_of(inner)


def float_weights(proto: ModelProto) -> dict[str, int]:
    """How many weights each operator still reads as float32, small ones left out: {"GRU": 24832, "Scan/Gemm": ...}."""
    found: Counter[str] = Counter()
    counted: set[int] = set()
    for placed in walk(proto.graph):
        for at, name in enumerate(placed.node.input):
            if placed.weights(at) >= LEAST and id(placed.seen[name]) not in counted:
                counted.add(id(placed.seen[name]))
                found["Scan/" * placed.depth + placed.node.op_type] += placed.weights(at)
    return dict(found.most_common())


def name_nodes(proto: ModelProto) -> None:
    """A name of its own for every node: the quantizer chooses nodes by name."""
    for number, placed in enumerate(walk(proto.graph)):
        placed.node.name = f"node{number}"


def dress(proto: ModelProto, like: ModelProto, precision: str) -> ModelProto:
    """The graph with the producer and the manifest of the one that it was made of, and nothing of its making."""
    proto.producer_name, proto.producer_version = like.producer_name, like.producer_version
    proto.graph.name, proto.doc_string = f"{like.graph.name}.{precision}", ""
    del proto.metadata_props[:]
    proto.metadata_props.extend(like.metadata_props)
    for graph in graphs_of(proto.graph):
        del graph.value_info[:]
        graph.doc_string = ""
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
    used = {placed.node.domain for placed in walk(proto.graph)} | {""}
    opsets = [opset for opset in proto.opset_import if opset.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    return proto


def domains(proto: ModelProto) -> list[str]:
    """The operator sets beside ONNX's own."""
    return sorted({opset.domain for opset in proto.opset_import} - {"", "ai.onnx"})


def _inner(node: NodeProto) -> list[GraphProto]:
    return [attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH]


def matrix_size(tensor: TensorProto) -> int:
    """How many numbers; 0 for a vector, such as a bias."""
    return math.prod(tensor.dims) if sum(size > 1 for size in tensor.dims) > 1 else 0
