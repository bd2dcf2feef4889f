"""Reduced graphs against their own formulas and against float32: int8 at every depth, convolutions, float16."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from seqhub.export.lower import lower
from seqhub.export.reduced.fp16 import as_fp16
from seqhub.export.reduced.graphs import LEAST, domains, dress, float_weights, fold, walk
from seqhub.export.reduced.int8 import Scales, dynamic_int8, static_conv
from seqhub.export.twin import DeploymentTwin, describe_states
from seqhub.nn import Recurrent, SequenceLayer
from seqhub.runtime.manifest import GraphInfo
from seqhub.runtime.session import Graph, open_session
from seqhub_cells.gru import GRUCell
from seqhub_cells.layernorm_lstm import LayerNormLSTMCell
from seqhub_cells.lstm import LSTMCell
from seqhub_conv.conv1d import Conv1d
from tests.export.layers import model_of, plain_ends
from tests.export.reduced_bundles import one_thread, steps_for

pytestmark = pytest.mark.heavy


def lowered(layer: SequenceLayer) -> tuple[ModelProto, GraphInfo]:
    return lower(DeploymentTwin(layer, "stream").eval(), "stream", opset=20)


def answers(layer: SequenceLayer, info: GraphInfo, proto: ModelProto, x: np.ndarray) -> np.ndarray:
    """y of rows without padding, from a fresh state."""
    graph = Graph(open_session(proto.SerializeToString()), info, describe_states(layer))
    return graph.run(x, np.full(len(x), x.shape[1]), graph.initial_state(len(x)))[0]


def numbers(width: int, rows: int = 3, steps: int = 20) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, steps, width)).astype(np.float32)


def operators(proto: ModelProto) -> set[tuple[int, str]]:
    """(depth, operator) of every node."""
    return {(placed.depth, placed.node.op_type) for placed in walk(proto.graph)}


def initializers(proto: ModelProto) -> dict[str, np.ndarray]:
    found = {name: tensor for placed in walk(proto.graph) for name, tensor in placed.seen.items()}
    return {name: numpy_helper.to_array(tensor) for name, tensor in found.items()}


def test_an_lstm_becomes_the_operator_of_onnxruntime() -> None:
    layer = one_thread(lambda: Recurrent(LSTMCell(24, hidden=32)))
    proto, info = lowered(layer)
    x = numbers(24)
    expected = answers(layer, info, proto, x)
    for of in ("matrix", "column"):
        int8 = dynamic_int8(fold(proto), Scales(of))
        assert int8 is not None
        int8 = dress(int8, proto, "int8")
        onnx.checker.check_model(int8, full_check=True)
        assert (0, "DynamicQuantizeLSTM") in operators(int8)
        assert (0, "LSTM") not in operators(int8)
        assert domains(int8) == ["com.microsoft"]
        assert float_weights(int8) == {}
        weights = [w for w in initializers(int8).values() if w.dtype == np.int8 and w.size >= LEAST]
        assert sorted(w.shape for w in weights) == [(1, 24, 128), (1, 32, 128)]
        assert all(np.abs(w.astype(int)).max() <= 64 for w in weights)  # 7 bits: no sum of two products saturates
        found = answers(layer, info, int8, x)
        assert 0 < np.abs(found - expected).mean() < 0.05 * expected.std()


def test_a_matrix_inside_a_scan_body_is_rounded_as_the_standard_says() -> None:
    """h' = x + h W over 4 steps, in a Scan: DynamicQuantizeLinear of h at every step, W in 7 bits, in numpy."""
    size, draw = 24, np.random.default_rng(3)
    weights = draw.standard_normal((size, size)).astype(np.float32) / 5
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["h", "w"], ["hw"]),
            helper.make_node("Add", ["hw", "x_t"], ["h_next"]),
            helper.make_node("Identity", ["h_next"], ["y_t"]),
        ],
        "body",
        [value(name, TensorProto.FLOAT, ["batch", size]) for name in ("h", "x_t")],
        [value(name, TensorProto.FLOAT, ["batch", size]) for name in ("h_next", "y_t")],
    )
    scan = helper.make_node("Scan", ["h0", "x"], ["h_last", "y"], num_scan_inputs=1, body=body)
    graph = helper.make_graph(
        [scan],
        "outer",
        [value("h0", TensorProto.FLOAT, ["batch", size]), value("x", TensorProto.FLOAT, ["time", "batch", size])],
        [value("h_last", TensorProto.FLOAT, ["batch", size]), value("y", TensorProto.FLOAT, ["time", "batch", size])],
        [numpy_helper.from_array(weights, "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    int8 = dynamic_int8(fold(proto), Scales("matrix"))
    assert int8 is not None
    assert {(1, "DynamicQuantizeLinear"), (1, "MatMulInteger")} <= operators(int8)
    assert not {(1, "MatMul"), (1, "Gemm")} & operators(int8)
    h = draw.standard_normal((2, size)).astype(np.float32)
    x = draw.standard_normal((4, 2, size)).astype(np.float32)
    rounded = np.round(weights / (np.abs(weights).max() / 64)) * (np.abs(weights).max() / 64)
    expected = []
    state = h
    for x_t in x:
        low, high = min(state.min(), 0), max(state.max(), 0)
        step = (high - low) / 255
        zero = np.round(-low / step)
        coarse = (np.clip(np.round(state / step) + zero, 0, 255) - zero) * step
        state = (coarse @ rounded + x_t).astype(np.float32)
        expected.append(state)
    session = ort.InferenceSession(int8.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["y"], {"h0": h, "x": x})
    exact = h
    for x_t in x:
        exact = x_t + exact @ weights
    assert np.abs(found[-1] - exact).max() > 1e-2  # float32 is elsewhere
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_cell_that_became_a_scan_is_quantized_in_its_body_too() -> None:
    layer = one_thread(lambda: Recurrent(LayerNormLSTMCell(24, hidden=32)))
    proto, info = lowered(layer)
    folded = fold(proto)
    assert float_weights(folded) == {"Scan/Gemm": 32 * 128, "MatMul": 24 * 128}
    int8 = dynamic_int8(folded, Scales("column"))
    outside = dynamic_int8(folded, Scales("column", loops=False))
    assert int8 is not None
    assert outside is not None
    assert float_weights(int8) == {}
    assert {(0, "MatMulInteger"), (1, "MatMulInteger")} <= operators(int8)
    assert float_weights(outside) == {"Scan/MatMul": 32 * 128}
    assert (1, "MatMulInteger") not in operators(outside)
    x = numbers(24, steps=6)
    expected, errors = answers(layer, info, proto, x), {}
    for name, made in {"all": int8, "outside": outside}.items():
        errors[name] = np.abs(answers(layer, info, dress(made, proto, "int8"), x) - expected).mean() / expected.std()
    assert 0 < errors["outside"] < errors["all"] < 0.1
    assert domains(int8) == []  # operators of the standard alone


def test_a_convolution_takes_the_range_that_it_was_shown() -> None:
    layer = one_thread(lambda: Conv1d(16, channels=24, kernel=5))
    proto, info = lowered(layer)
    x = numbers(16)
    graph = Graph(open_session(proto.SerializeToString()), info, describe_states(layer))
    feeds = {"x": x, "lengths": np.full(3, 20), **graph.initial_state(3)}
    int8 = static_conv(fold(proto), [feeds])
    assert int8 is not None
    assert float_weights(int8) == {}
    assert dynamic_int8(fold(proto), Scales("matrix")) is None  # no matrix in it
    int8 = dress(int8, proto, "int8-static")
    onnx.checker.check_model(int8, full_check=True)
    (shown,) = [p for p in walk(int8.graph) if p.node.op_type == "QuantizeLinear" and "weight" not in p.node.input[0]][
        :1
    ]
    scale = initializers(int8)[shown.node.input[1]]
    assert scale == pytest.approx((max(x.max(), 0) - min(x.min(), 0)) / 255, rel=1e-5)
    expected, found = answers(layer, info, proto, x), answers(layer, info, int8, x)
    assert 0 < np.abs(found - expected).mean() < 0.05 * expected.std()
    beyond = answers(layer, info, int8, 10 * x)  # clipped where training data never went
    assert np.abs(beyond - answers(layer, info, proto, 10 * x)).mean() > expected.std()


def test_a_gru_has_nothing_that_int8_reaches() -> None:
    layer = one_thread(lambda: Recurrent(GRUCell(24, hidden=32)))
    folded = fold(lowered(layer)[0])
    assert dynamic_int8(folded, Scales("matrix")) is None
    assert static_conv(folded, []) is None
    assert float_weights(folded) == {"GRU": 3 * 32 * (24 + 32)}


def test_float16_halves_the_weights_and_spares_raw_units() -> None:
    far = dataclasses.replace(plain_ends(3, (2,)), input_shift=(1e6,) * 3, output_shift=(2e6,) * 2)
    cells = (Recurrent(GRUCell(24, hidden=32)), Conv1d(32, channels=24, kernel=5), Recurrent(LSTMCell(24, hidden=24)))
    layer = one_thread(lambda: model_of(*cells, ends=far))
    proto, info = lowered(layer)
    half = as_fp16(fold(proto))
    assert half is not None
    half = dress(half, proto, "fp16")
    onnx.checker.check_model(half, full_check=True)
    assert {i.type.tensor_type.elem_type for i in (*half.graph.input, *half.graph.output)} == {
        TensorProto.FLOAT,
        TensorProto.INT64,
    }
    stored = {a.dtype for a in initializers(half).values() if a.size >= LEAST and a.ndim > 1}
    assert stored == {np.dtype(np.float16)}
    assert len(half.SerializeToString()) < 0.65 * len(proto.SerializeToString())
    x = np.stack([row[:8] for row in steps_for(2)]) - [[10, 11, 12]] + 1e6
    expected, found = (answers(layer, info, one, x.astype(np.float32)) for one in (proto, half))
    assert np.abs(found - expected).max() < 0.02  # float16 itself is 128 apart at 2e6


def test_a_weight_beyond_float16_stays() -> None:
    layer = one_thread(lambda: Recurrent(GRUCell(24, hidden=32)))
    layer.cell.x_proj.weight.data[0, 0] = 1e5
    folded = fold(lowered(layer)[0])
    half = as_fp16(folded)
    assert half is not None
    assert float_weights(half) == {"GRU": 3 * 32 * 24}


def test_graphs_tell_nothing_of_their_making(capfd: pytest.CaptureFixture[str]) -> None:
    layer = one_thread(lambda: Conv1d(16, channels=24, kernel=5))
    proto, info = lowered(layer)
    entry = proto.metadata_props.add()
    entry.key, entry.value = "seqhub.manifest", "{}"
    handlers = list(logging.getLogger().handlers)
    graph = Graph(open_session(proto.SerializeToString()), info, describe_states(layer))
    feeds = {"x": numbers(16), "lengths": np.full(3, 20), **graph.initial_state(3)}
    int8 = static_conv(fold(proto), [feeds])
    assert int8 is not None
    int8 = dress(int8, proto, "int8-static")
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
    assert logging.root.manager.disable == 0
    assert [(p.key, p.value) for p in int8.metadata_props] == [("seqhub.manifest", "{}")]
    assert int8.graph.name.endswith(".int8-static")
    assert not int8.graph.value_info
    assert [opset.domain for opset in int8.opset_import] == [""]
