"""What the stock exporter and onnxruntime are known to get wrong, each met by a graph that is right: docs/export.md."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from seqhub.errors import BundleError, ExportError
from seqhub.export.lower import lower
from seqhub.export.quiet import quiet_exporter
from seqhub.export.twin import DeploymentTwin, describe_states
from seqhub.nn import WHOLE, Context, Geometry, Memory, Recurrent, Residual, SequenceLayer, State, zero_padding
from seqhub.runtime.manifest import GraphInfo
from seqhub.runtime.session import Graph, open_session
from seqhub_cells.gru import GRUCell
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.min_gru import MinGRUCell
from seqhub_conv.conv1d import Conv1d
from tests.export.layers import Result, Shift, model_of

pytestmark = pytest.mark.heavy


class Raw(SequenceLayer):
    """torch's own LSTM module, called as a plugin's author might. No state, no lengths."""

    def __init__(self) -> None:
        super().__init__(3, Geometry(width=4))
        self.inner = nn.LSTM(3, 4, batch_first=True)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        return zero_padding(self.inner(zero_padding(x, lengths))[0], lengths), lengths, {}


class LogSigmoid(SequenceLayer):
    """y = log sigmoid(x). No state."""

    def __init__(self) -> None:
        super().__init__(3, Geometry(width=3))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        return zero_padding(nn.functional.logsigmoid(zero_padding(x, lengths)), lengths), lengths, {}


def lowered(layer: SequenceLayer) -> tuple[onnx.ModelProto, GraphInfo]:
    return lower(DeploymentTwin(layer.eval(), "full").eval(), "full", opset=20)


def opened(layer: SequenceLayer) -> Graph:
    proto, info = lowered(layer)
    return Graph(open_session(proto.SerializeToString()), info, describe_states(layer))


def sizes(proto: onnx.ModelProto, name: str) -> list[int | str]:
    value = next(v for v in (*proto.graph.input, *proto.graph.output) if v.name == name)
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


@pytest.mark.slow
def test_a_static_export_before_does_not_freeze_time() -> None:
    """torch 2.13 keeps the kernel of its first LSTM export in the process: the next one is frozen, in silence."""
    static = nn.LSTM(3, 4, batch_first=True).eval()
    with quiet_exporter():
        torch.onnx.export(static, (torch.randn(1, 7, 3),), dynamo=True, verbose=False)
    proto, _ = lowered(Recurrent(LSTMCell(3, hidden=4)))
    assert sizes(proto, "x") == ["batch", "time", 3]
    assert sizes(proto, "y") == ["batch", "time", 4]
    with suppress(ExportError):  # refused, or right: never frozen
        raw, _ = lowered(Raw())
        assert sizes(raw, "x") == ["batch", "time", 3]
        assert sizes(raw, "y") == ["batch", "time", 4]


@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru_follows_its_equations_in_the_graph(reset: str) -> None:
    """The stock exporter of some versions writes the reset gate in the wrong place."""
    layer = Recurrent(GRUCell(3, hidden=4, reset=reset)).eval()  # type: ignore[arg-type]
    x, lengths = torch.randn(2, 9, 3), torch.tensor([9, 4])
    with torch.no_grad():
        expected = layer(x, lengths, layer.initial_state(2))[0].numpy()
    graph = opened(layer)
    found, _, _ = graph.run(x.numpy(), lengths.numpy(), graph.initial_state(2))
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_way_back_begins_at_a_rows_own_end() -> None:
    cell, back = GRUCell(3, hidden=2), GRUCell(3, hidden=2)
    graph = opened(Recurrent(cell, direction="bidirectional", backward_cell=back))
    x = np.random.default_rng(0).standard_normal((2, 9, 3)).astype(np.float32)
    x[1, 4:] = np.nan
    both, _, _ = graph.run(x, np.array([9, 4]), graph.initial_state(2))
    alone, _, _ = graph.run(x[1:, :4], np.array([4]), graph.initial_state(1))
    np.testing.assert_allclose(both[1, :4], alone[0], atol=1e-6)
    assert not both[1, 4:].any()


def test_batch_0_and_no_steps_never_reach_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime 1.32 ends the process at an LSTM of batch 0."""
    graph = opened(Recurrent(LSTMCell(3, hidden=4)))

    class Untouched:
        def run(self, *given: object) -> None:
            pytest.fail("the session was called")

    monkeypatch.setattr(graph, "session", Untouched())
    for shape in ((0, 5, 3), (2, 0, 3)):
        with pytest.raises(BundleError, match="one row and one step at least") as caught:
            graph.run(np.zeros(shape, np.float32), np.zeros(shape[0], np.int64), graph.initial_state(shape[0]))
        assert caught.value.problems[0].code == "E711"


def test_recurrent_operators_are_time_major() -> None:
    """`layout` 1 is refused by onnxruntime and ignored by others."""
    for cell, operator in ((LSTMCell(3, hidden=4), "LSTM"), (GRUCell(3, hidden=4), "GRU")):
        nodes = [node for node in lowered(Recurrent(cell))[0].graph.node if node.op_type == operator]
        assert len(nodes) == 1
        assert all(a.i == 0 for a in nodes[0].attribute if a.name == "layout")
        assert nodes[0].input[4]  # sequence_lens


def test_a_linear_recurrence_is_one_scan_of_any_length() -> None:
    """torch's associative_scan would be unrolled, with batch and time frozen."""
    proto, _ = lowered(Recurrent(MinGRUCell(3, hidden=4)))
    assert [node.op_type for node in proto.graph.node].count("Scan") == 1
    assert sizes(proto, "y") == ["batch", "time", 4]


def test_a_sum_behind_a_convolution_does_not_stop_the_trace() -> None:
    """torch asks that a time which both sides share be no 1, which broadcasts; the graph serves 1 all the same."""
    model = model_of(Conv1d(3, channels=3, kernel=5), Residual(Shift()))
    graph = opened(model)
    x = torch.full((1, 1, 3), 9.0)
    with torch.no_grad():
        expected = model(x, torch.tensor([1]), model.initial_state(1))[0].numpy()
    found, _, _ = graph.run(x.numpy(), np.array([1]), graph.initial_state(1))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_log_sigmoid_stays_finite_far_below_zero() -> None:
    """The exporter writes log(sigmoid(x)), and onnxruntime's sigmoid is zero below -18."""
    x = np.array([[[-3000, -20, -1], [0, 1, 3000]]], np.float32)
    found, _, _ = opened(LogSigmoid()).run(x, np.array([2]), {})
    np.testing.assert_allclose(found, -np.logaddexp(0, -x.astype(np.float64)), atol=2e-7, rtol=1e-6)
