"""float16: every large weight is stored in half the bytes; matrix products and convolutions compute in them.

What surrounds them stays float32: inputs, outputs and states; the scaling at both ends, since raw units do not fit
into 11 bits; sums, normalisations and recurrences (operators and Scan bodies), whose weights are stored in float16
and read as float32. This is the split of mixed-precision training, Micikevicius et al. 2018, arXiv:1710.03740.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from seqhub.export.reduced.graphs import LEAST, matrix_size, walk

_COMPUTED = ("MatMul", "Gemm", "Conv", "ConvTranspose")
_LARGEST = float(np.finfo(np.float16).max)


def as_fp16(proto: ModelProto) -> ModelProto | None:
    """The graph in mixed precision; None where it has no large weight. One beyond float16's range stays as it is."""
    half = ModelProto()
    half.CopyFrom(proto)
    graph = half.graph
    large = {tensor.name: tensor for tensor in graph.initializer if _fits(tensor)}
    if not large:
        return None
    nodes: list[NodeProto] = []
    cast: set[str] = set()
    used_full: set[str] = set()
    for node in graph.node:
        if node.op_type in _COMPUTED and any(name in large for name in node.input[1:2]):
            nodes += _in_half(node, set(large), cast)
        else:
            nodes.append(node)
    for placed in walk(graph):
        if placed.node.op_type not in _COMPUTED or placed.depth or placed.node.input[1] not in large:
            used_full |= set(placed.node.input) & set(large)
    stored = [numpy_helper.from_array(_values(tensor), f"{name}.half") for name, tensor in large.items()]
    kept = [tensor for tensor in graph.initializer if tensor.name not in large]
    widened = [_cast(f"{name}.half", name, TensorProto.FLOAT) for name in large if name in used_full]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend([*kept, *stored])
    graph.node.extend([*widened, *nodes])
    return half


def _in_half(node: NodeProto, large: set[str], cast: set[str]) -> list[NodeProto]:
    """The node between casts: its inputs to float16, each tensor once, and its output back."""
    around = []
    inputs = []
    for name in node.input:
        inputs.append(f"{name}.half" if name else "")
        if name and name not in large and name not in cast:
            cast.add(name)
            around.append(_cast(name, f"{name}.half", TensorProto.FLOAT16))
    inner = NodeProto()
    inner.CopyFrom(node)
    inner.input[:] = inputs
    inner.output[:] = [f"{node.output[0]}.half.out"]
    return [*around, inner, _cast(inner.output[0], node.output[0], TensorProto.FLOAT)]


def _cast(source: str, target: str, to: int) -> NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"cast.{target}", to=to)


def _fits(tensor: TensorProto) -> bool:
    """A large float32 weight that float16 can hold."""
    if tensor.data_type != TensorProto.FLOAT or matrix_size(tensor) < LEAST:
        return False
    return bool(np.abs(numpy_helper.to_array(tensor)).max() <= _LARGEST)


def _values(tensor: TensorProto) -> np.ndarray:
    return numpy_helper.to_array(tensor).astype(np.float16)
