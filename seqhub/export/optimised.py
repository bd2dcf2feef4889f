"""A graph as onnxruntime rewrites it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort


def optimised(proto: onnx.ModelProto, level: ort.GraphOptimizationLevel) -> onnx.ModelProto:
    """The graph after onnxruntime's own optimizations up to this level."""
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as scratch:
        options.optimized_model_filepath = str(Path(scratch, "optimised.onnx"))
        ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)
