"""int8 by onnxruntime's quantizer. What it reaches, and what it does not, is in docs/reduced-precision.md.

    dynamic   MatMul, Gemm, also inside Scan bodies; the LSTM operator (com.microsoft DynamicQuantizeLSTM); embeddings.
              Weights are rounded once, activations at every run, each tensor over its own range.
    static    Conv besides: its input's range is measured beforehand, on training data (QuantizeLinear pairs).

Weights take 7 bits. With 8, the products of two neighbours overflow their 16-bit sum on x86 processors without VNNI,
and a model that was judged on one machine would answer otherwise on the next.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime as ort
from onnx import ModelProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from seqhub.export.reduced.graphs import LEAST, Placed, name_nodes, walk

Feeds = dict[str, np.ndarray]
_WEIGHTS_AT = {"MatMul": (1,), "Gemm": (1,), "LSTM": (1, 2), "Gather": (0,)}
_PREPARED = ("onnx.quant.pre_process", "onnxruntime.quant")  # tells the quantizer that the graph was folded


@dataclass(frozen=True)
class Scales:
    """of: a whole matrix shares one scale, or each column has its own.  loops: Scan bodies are quantized too."""

    of: Literal["matrix", "column"]
    loops: bool = True

    def __str__(self) -> str:
        return f"one scale a {self.of}" + ("" if self.loops else ", loops in float32")


def dynamic_int8(proto: ModelProto, scales: Scales) -> ModelProto | None:
    """The graph with every large weight of _WEIGHTS_AT in int8; None where it has none."""
    named = _prepared(proto)
    placed = [one for one in walk(named.graph) if scales.loops or not one.depth]
    chosen = [one.node.name for one in placed if _large(one, _WEIGHTS_AT)]
    if not chosen:
        return None
    with _quiet(), tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "int8.onnx")
        quantize_dynamic(
            named,
            out,
            op_types_to_quantize=["MatMul", "LSTM", "Gather"],
            # Gemm becomes MatMul and Add on the way, under a name of its own
            nodes_to_quantize=[*chosen, *(f"{name}_MatMul" for name in chosen)],
            per_channel=scales.of == "column",
            reduce_range=True,
            extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
        )
        return onnx.load(out)


def static_conv(proto: ModelProto, feeds: Iterable[Feeds]) -> ModelProto | None:
    """The graph with every large convolution in int8, by the ranges that its input has in these runs; None where it has
    no convolution.
    """
    named = _prepared(proto)
    chosen = [placed.node.name for placed in walk(named.graph) if not placed.depth and _large(placed, {"Conv": (1,)})]
    if not chosen:
        return None
    with _quiet(), tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "int8.onnx")
        quantize_static(
            named,
            out,
            _Reader(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=chosen,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(out)


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """One run after the other, for onnxruntime's calibrator."""

    def __init__(self, feeds: Iterable[Feeds]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Any:
        return next(self._feeds, None)


def _large(placed: Placed, weights_at: dict[str, tuple[int, ...]]) -> bool:
    at = weights_at.get(placed.node.op_type, ())
    return bool(at) and all(placed.weights(i) >= LEAST for i in at)


def _prepared(proto: ModelProto) -> ModelProto:
    named = ModelProto()
    named.CopyFrom(proto)
    name_nodes(named)
    entry = named.metadata_props.add()
    entry.key, entry.value = _PREPARED
    return named


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantizer's advice: it logs to the root logger, and onnxruntime to standard error."""
    root, handler, before = logging.getLogger(), logging.NullHandler(), logging.root.manager.disable
    root.addHandler(handler)  # the quantizer would install one of its own
    logging.disable(logging.WARNING)
    ort.set_default_logger_severity(4)
    try:
        yield
    finally:
        ort.set_default_logger_severity(2)
        logging.disable(before)
        root.removeHandler(handler)
