"""The two gates, each against layers with one known fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from seqhub.errors import ExportError
from seqhub.export.blame import find_culprit, parts
from seqhub.export.cases import Case, cut, make_cases, make_inputs
from seqhub.export.compare import Tally, Units, mismatch
from seqhub.export.lower import as_full, lower
from seqhub.export.parity import Failure, prove
from seqhub.export.twin import DeploymentTwin, Role
from seqhub.nn import Chain, Parallel, Residual, SequenceLayer
from seqhub.nn.resample import Resample
from seqhub.runtime.manifest import GraphInfo
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.subsampling_2d import Subsampling2d
from seqhub_conv.wavenet import WaveNet
from tests.export.layers import Bounded, Drifting, Forgetful, Frozen, Gain, Leaky, Shift, Unknown, model_of

pytestmark = pytest.mark.heavy


def lowered(layer: SequenceLayer, role: Role = "full") -> tuple[onnx.ModelProto, GraphInfo]:
    return lower(DeploymentTwin(layer.eval(), role).eval(), role, opset=20)


def proven(
    layer: SequenceLayer, role: Role = "full", tolerance: float = 1e-5
) -> tuple[dict[str, object], Failure | None]:
    return prove(layer, *lowered(layer, role), role, Units.plain(layer.d_in, layer.d_out), tolerance)


def test_a_layer_without_state_has_no_state_tensors() -> None:
    graph, info = lowered(Gain())
    assert [value.name for value in graph.graph.input] == ["x", "lengths"]
    assert [tensor.name for tensor in info.outputs] == ["y", "out_lengths"]
    report, failure = prove(Gain().eval(), graph, info, "full", Units.plain(3, 3), 1e-6)
    assert failure is None
    assert report["max"] == 0.0


@pytest.mark.parametrize("role", ["full", "stream"])
def test_sound_layers_pass(role: Role) -> None:
    report, failure = proven(Shift(), role)
    assert failure is None
    assert ("chunked" in report) == (role == "stream")


def test_a_loop_over_time_is_caught_by_its_dimensions() -> None:
    with pytest.raises(ExportError, match=r"full\.onnx: dimensions were fixed.*x is \[batch 11 3\]") as caught:
        lowered(Frozen())
    assert caught.value.problems[0].code == "E502"


def test_a_size_that_the_trace_bounds_from_above_is_refused() -> None:
    with pytest.raises(ExportError, match=r"full\.onnx: a size is bounded by the example's: time = .*max=39") as caught:
        lowered(Bounded())
    assert caught.value.problems[0].code == "E502"


@pytest.mark.parametrize(
    ("layer", "traces"),
    [(WaveNet(3, channels=2, skip=2, layers=2), 1), (Subsampling2d(8, channels=2), 2)],
    ids=["a sum asks for no size of 1", "half of a size is no 1"],
)
def test_a_trace_that_excludes_a_small_size_begins_again_and_none_does_for_a_sum(
    layer: SequenceLayer, traces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, export = [], torch.export.export

    def traced(*given: object, **options: object) -> torch.export.ExportedProgram:
        counted.append(options)
        return export(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.export, "export", traced)
    lowered(layer)  # what each gives at one step is in their distribution's tests
    assert len(counted) == traces


@pytest.mark.parametrize("window", ["before", "beside"])
def test_a_slower_clock_beside_windows_longer_than_the_example(window: str) -> None:
    slow = Resample(Chain(3, {"inner": Gain()}), factor=13)
    wide = Conv1d(3, channels=3, kernel=52)
    layer = Chain(3, {"wide": wide, "slow": slow}) if window == "before" else Parallel([wide, slow])
    report, failure = proven(layer)
    assert failure is None
    assert report["cases"] > 100


def test_an_operator_without_onnx_form_is_named() -> None:
    with pytest.raises(ExportError, match="cummax") as caught:
        lowered(Unknown())
    assert caught.value.problems[0].code == "E501"


def test_the_smallest_failing_case_is_reported() -> None:
    _, failure = proven(Drifting())
    assert failure is not None
    assert failure.mismatch.tensor == "y"
    assert failure.mismatch.difference == pytest.approx(0.01, rel=1e-3)
    assert (failure.case.batch, failure.case.steps) == (1, 7)  # the smallest of all with more than five steps


def test_idle_rows_that_lose_their_state_are_found() -> None:
    _, failure = proven(Forgetful())
    assert failure is not None
    assert failure.mismatch.tensor == "next_state.last"
    assert failure.case.lengths == "idle"
    assert failure.case.carried


def test_a_model_that_is_wrong_in_torch_is_not_blamed_on_the_graph() -> None:
    _, failure = proven(Leaky())
    assert failure is not None
    assert "not finite in torch itself" in str(failure)


def test_a_wrong_graph_for_long_streams_alone_is_found_in_chunks() -> None:
    """Cut the state's feedback: single runs from a fresh state agree, chunks do not."""
    layer = Shift().eval()
    graph, info = lowered(layer, "stream")
    for node in graph.graph.node:
        for i, name in enumerate(node.input):
            if name == "state.last":
                node.input[i] = "forgotten"
    zeros = onnx.helper.make_node("Sub", ["state.last", "state.last"], ["forgotten"])
    graph.graph.node.insert(0, zeros)
    _, failure = prove(layer, graph, info, "stream", Units.plain(3, 3), 1e-5)
    assert failure is not None
    assert failure.case.carried or failure.case.chunk is not None


def test_the_full_graph_of_a_stream_needs_no_end() -> None:
    layer = Conv1d(3, channels=2, kernel=5, padding="centred").eval()
    stream, info = lowered(layer, "stream")
    assert "end" in [tensor.name for tensor in info.inputs]
    full, full_info = as_full(stream, info)
    assert "end" not in [value.name for value in full.graph.input]
    _, failure = prove(layer, full, full_info, "full", Units.plain(3, 2), 1e-5)
    assert failure is None


@pytest.mark.slow
def test_culprits_are_found_inside_structures() -> None:
    model = model_of(Gain(), Residual(Chain(3, {"0": Gain(), "1": Drifting()})), Gain())
    assert [name for name, _ in parts(model)] == [
        *("input", "embed", "block0", "block1.0", "block1.1", "block1", "block2", "head")
    ]
    culprit = find_culprit(model, "full", {"block1.1": "acme/odd==1.0"}, tolerance=1e-5, opset=20)
    assert culprit is not None
    assert (culprit.block, culprit.provider) == ("block1.1", "acme/odd==1.0")
    assert "y differs by" in culprit.reason


def test_branches_keep_their_names() -> None:
    model = model_of(Parallel([Chain(3, {"b0": Gain()}), Chain(3, {"b1": Shift()})]))
    names = [name for name, _ in parts(model)]
    assert names[2:5] == ["block0.b0", "block0.b1", "block0"]


def test_cases_come_smallest_first_and_span_the_promise() -> None:
    cases = make_cases(Conv1d(3, channels=2, kernel=4, stride=2), "stream")
    assert [case.size for case in cases] == sorted(case.size for case in cases)
    assert {case.batch for case in cases} == {1, 2, 5}
    assert {case.steps for case in cases} == {1, 2, 4, 9, 67}
    assert {case.chunk for case in cases} == {None, 2, 6, 14, "all", "uneven"}
    assert {case.lengths for case in cases} == {"full", "ragged", "idle"}


def test_inputs_are_the_same_for_the_same_case_with_nan_in_the_padding() -> None:
    case, layer = Case("full", 5, 9, "ragged", carried=True), Shift()
    one, two = (make_inputs(case, layer, torch.full((3,), 100.0), torch.ones(3)) for _ in range(2))
    assert torch.equal(one.lengths, two.lengths)
    assert torch.equal(one.x.nan_to_num(0), two.x.nan_to_num(0))
    padding = torch.arange(9) >= one.lengths[:, None]
    assert bool(one.x.isnan().all(dim=2).eq(padding).all())
    assert float(one.x[~padding].mean()) == pytest.approx(100, abs=1)
    assert not torch.equal(one.state["last"], torch.zeros(5, 3))


@pytest.mark.parametrize("chunk", [2, 6, "all", "uneven"])
def test_chunks_cover_each_row_once(chunk: int) -> None:
    lengths = torch.tensor([9, 0, 4, 1, 9])
    position = torch.zeros_like(lengths)
    for at, take in cut(Case("stream", 5, 9, "ragged", chunk=chunk), lengths, 2):
        assert torch.equal(at, position)
        position = at + take
        assert bool(((take % 2 == 0) | (position == lengths)).all())
    assert torch.equal(position, lengths)


def test_differences_are_measured_in_standard_units() -> None:
    units = Units(np.zeros(1), np.ones(1), np.array([300.0]), np.array([50.0]))
    np.testing.assert_allclose(units.standard(np.array([[350.0], [300.0]])), [[1], [0]])
    grain = 4 * 2**-23 * 350 / 50
    assert units.allowed(np.array([350.0]), 1e-4) == pytest.approx(2e-4 + grain)
    assert replace(units, anchored=True).allowed(np.array([350.0]), 1e-4) == pytest.approx(1e-4 + grain)
    assert mismatch("y", np.array([1.0]), np.array([1.0 + 1.9e-4]), 2e-4) is None
    assert mismatch("y", np.array([1.0]), np.array([1.0 + 2.1e-4]), 2e-4) is not None
    assert mismatch("n", np.array([3]), np.array([4]), 10.0) is not None
    assert mismatch("y", np.zeros((2, 1)), np.zeros((1, 2)), 1.0) is not None
    assert mismatch("y", np.array([1.0]), np.array([np.nan]), 1.0) is not None


def test_a_tally_reports_the_99th_percentile() -> None:
    tally = Tally()
    tally.add(np.zeros(100), np.arange(100) / 100)
    report = tally.as_dict()
    assert (report["values"], report["max"]) == (100, 0.99)
    assert report["mean"] == pytest.approx(0.495)
    assert 0.98 <= report["p99"] <= 0.98 * 10**0.01  # the upper edge of its bin
    assert Tally().as_dict()["max"] == 0.0
