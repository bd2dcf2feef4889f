"""The trials beside ordinary runs: large values, permuted rows, onnx's own evaluator, choices, and a long stream."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seqhub.errors import ExportError
from seqhub.export import export_bundle
from seqhub.export.cases import Case, make_cases, make_inputs
from seqhub.export.compare import Tally, Units
from seqhub.export.drift import drift
from seqhub.export.evaluator import CannotEvaluateError, Evaluator
from seqhub.export.lower import lower
from seqhub.export.parity import Failure, prove
from seqhub.export.single import compare_permuted, compare_values
from seqhub.export.steadiness import unsteadiness
from seqhub.export.twin import DeploymentTwin, describe_states
from seqhub.nn import WHOLE, Context, Memory, Recurrent, SequenceLayer, State, zero_padding
from seqhub.nn.engines import is_exporting
from seqhub.runtime.session import Arrays, Graph, open_session
from seqhub_cells.lstm import LSTMCell
from seqhub_cells.mgu import MGUCell
from seqhub_cells.rnn import RNNCell
from tests.export.layers import Gain, Result, Shift, model_of

pytestmark = pytest.mark.heavy


class Overflowing(Gain):
    """Its graph goes through exponentials, which ordinary numbers survive."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        if is_exporting():
            x = zero_padding(x, lengths).exp().log()
        return super().forward(x, lengths, state, memory, ctx)


class Vanishing(Gain):
    """A norm over features that vanish where x is far below zero."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        features = torch.nn.functional.silu(zero_padding(x, lengths))
        return zero_padding(features / features.norm(dim=2, keepdim=True), lengths), lengths, {}


class Numbered(Gain):
    """Adds the row's number to its outputs, in torch and in the graph alike."""

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> Result:
        y, lengths, after = super().forward(x, lengths, state, memory, ctx)
        return zero_padding(y + torch.ones_like(lengths).cumsum(0)[:, None, None], lengths), lengths, after


def proven(layer: SequenceLayer, tolerance: float = 1e-5) -> tuple[dict[str, dict[str, object]], Failure | None]:
    proto, info = lower(DeploymentTwin(layer.eval(), "full").eval(), "full", opset=20)
    return prove(layer, proto, info, "full", Units.plain(layer.d_in, layer.d_out), tolerance)


def test_a_graph_that_overflows_on_large_values_alone_is_found() -> None:
    _, failure = proven(Overflowing())
    assert failure is not None
    assert failure.case.trial == "large"
    assert failure.case.steps == 1
    assert "y is not finite in the graph, but in torch it is (batch 1, time 1" in str(failure)
    assert "large values" in str(failure)


def test_large_inputs_are_the_ordinary_ones_three_thousand_times() -> None:
    case, layer = Case("full", 2, 7, "full"), Shift()
    large = Case("full", 2, 7, "full", trial="large")
    zero, one = torch.zeros(3), torch.ones(3)
    torch.testing.assert_close(make_inputs(large, layer, zero, one).x, 3000 * make_inputs(case, layer, zero, one).x)


def test_what_large_values_leave_open_is_measured_on_torch() -> None:
    case = Case("full", 1, 1, "full", trial="large")
    steady, open_ = Gain().eval(), Vanishing().eval()
    inputs = make_inputs(case, steady, torch.zeros(3), torch.ones(3))
    inputs.x.copy_(torch.tensor([[[-16.0, -17.0, -16.5]]]))
    with torch.no_grad():
        assert unsteadiness(steady, inputs, WHOLE)["y"] < 16 * 40 * 2**-21
    # silu(-16) is 1.8e-6, of which onnxruntime's sigmoid is off by up to 6%
    with torch.no_grad():
        assert unsteadiness(open_, inputs, WHOLE)["y"] > 0.1


def test_excused_differences_are_counted_as_such() -> None:
    expected, found = np.array([1.0, 2.0]), np.array([1.0, 2.5])
    tally, allowed = Tally(), np.full(2, 1e-4)
    assert compare_values("y", expected, found, allowed, np.array(0.1), True, tally) is not None
    assert compare_values("y", expected, found, allowed, np.array(1.0), True, tally) is None
    tally.end_case()
    assert compare_values("y", expected, expected, allowed, np.array(1.0), True, tally) is None
    tally.end_case()
    assert (tally.cases, tally.excused) == (2, 1)
    report, _ = proven(Gain())
    assert report["large"]["excused"] == 0


class Crossed:
    """Adds the row's number to its outputs."""

    takes_end = False

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Mapping[str, np.ndarray], end: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]:
        return x + np.arange(len(x), dtype=np.float32)[:, None, None], lengths, {}


def test_a_graph_whose_rows_know_their_place_is_found() -> None:
    layer = Gain().eval()
    inputs = make_inputs(Case("full", 5, 7, "full", trial="permuted"), layer, torch.zeros(3), torch.ones(3))
    wrong = compare_permuted(Crossed(), inputs, Units.plain(3, 3), 1e-5, Tally())
    assert wrong is not None
    assert wrong.tensor == "y"
    assert wrong.difference >= 1


@pytest.mark.parametrize(
    "cell",
    [LSTMCell(3, hidden=4), RNNCell(3, hidden=4, nonlinearity="relu"), MGUCell(3, hidden=4)],
    ids=["LSTM", "RNN relu", "Scan"],
)
def test_the_evaluator_runs_recurrent_operators_over_ragged_rows(cell: torch.nn.Module) -> None:
    layer = Recurrent(cell).eval()  # type: ignore[arg-type]
    report, failure = proven(layer)
    assert failure is None
    assert report["evaluated"]["cases"] == 2
    assert "reason" not in report["evaluated"]
    assert report["large"]["cases"] == 10  # five cases, optimizations on and off
    assert report["permuted"]["cases"] == 4
    evaluated = [case for case in make_cases(layer, "full") if case.trial == "evaluated"]
    assert {case.lengths for case in evaluated} == {"ragged", "idle"}


def test_an_operator_that_the_evaluator_lacks_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(self: Evaluator, *given: object) -> None:
        raise CannotEvaluateError("no FancyOp")

    monkeypatch.setattr(Evaluator, "__init__", lacking)
    report, failure = proven(Gain())
    assert failure is None
    assert report["evaluated"] == {"cases": 0, "reason": "no FancyOp"}


def test_a_graph_of_unknown_operators_cannot_be_evaluated() -> None:
    layer = Gain().eval()
    proto, info = lower(DeploymentTwin(layer, "full").eval(), "full", opset=20)
    proto.graph.node[-1].op_type = "FancyOp"
    with pytest.raises(CannotEvaluateError, match="FancyOp"):
        Evaluator(proto, info, describe_states(layer)).run(np.ones((1, 2, 3), np.float32), np.array([2]), {})


@pytest.fixture
def contrary(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluator that always gives a thousandth more."""
    honest = Evaluator.run

    def other(self: Evaluator, *given: object) -> tuple[np.ndarray, np.ndarray, Arrays]:
        y, n, after = honest(self, *given)  # type: ignore[arg-type]
        return y * np.float32(1.001), n, after

    monkeypatch.setattr(Evaluator, "run", other)


@pytest.mark.usefixtures("contrary")
def test_an_evaluator_that_disagrees_fails_the_proof() -> None:
    _, failure = proven(Gain())
    assert failure is not None
    assert failure.by == "onnx's reference evaluator"
    assert failure.case.trial == "evaluated"


def refused(block: SequenceLayer, folder: Path) -> str:
    """The message of an export that fails, names the block and leaves no file."""
    model, providers = model_of(block), {"block0": "acme/odd==1.0"}
    with pytest.raises(ExportError) as caught:
        export_bundle(model, model.ends, {"type": "other"}, providers, folder / "bundle", name="m", graphs=["full"])
    assert list(folder.iterdir()) == []
    assert caught.value.problems[0].code == "E503"
    message = caught.value.problems[0].message
    assert "at fault: block 'block0' (acme/odd==1.0)" in message
    return message


def test_a_failure_on_large_values_leaves_no_file(tmp_path: Path) -> None:
    assert "large values" in refused(Overflowing(), tmp_path)


def test_a_failure_with_permuted_rows_leaves_no_file(tmp_path: Path) -> None:
    assert "rows permuted" in refused(Numbered(), tmp_path)


@pytest.mark.usefixtures("contrary")
def test_a_disagreeing_evaluator_leaves_no_file(tmp_path: Path) -> None:
    assert "onnx's reference evaluator" in refused(Gain(), tmp_path)


def test_choices_are_counted() -> None:
    tally = Tally()
    tally.add_choices(np.array([[1, 2.0], [3, 1]]), np.array([[1.5, 1.9], [0, 1]]))
    assert tally.as_dict()["argmax"] == 0.5
    assert "argmax" not in Tally().as_dict()


def test_a_tally_holds_no_more_for_more_values() -> None:
    tally = Tally()
    for _ in range(50):
        tally.add_differences(np.linspace(0, 1, 1001))
    assert sum(value.nbytes for value in vars(tally).values() if isinstance(value, np.ndarray)) < 20_000
    report = tally.as_dict()
    assert (report["values"], report["max"], report["mean"]) == (50_050, 1.0, pytest.approx(0.5))
    assert report["p99"] == pytest.approx(0.99, rel=0.03)


def opened(layer: SequenceLayer) -> Graph:
    proto, info = lower(DeploymentTwin(layer, "stream").eval(), "stream", opset=20)
    return Graph(open_session(proto.SerializeToString()), info, describe_states(layer))


def test_a_difference_that_piles_up_is_told_from_one_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Shift().eval()
    graph, run = opened(layer), Graph.run
    units = Units.plain(3, 3)
    found = drift(graph, layer, units, steps=500, chunk=10)
    assert (found.max, found.bounded) == (0.0, True)
    error = [0.0]

    def creeping(self: Graph, *given: object) -> tuple[np.ndarray, np.ndarray, Arrays]:
        error[0] += 1e-4
        y, n, after = run(self, *given)  # type: ignore[arg-type]
        return y + np.float32(error[0]), n, after

    monkeypatch.setattr(Graph, "run", creeping)
    crept = drift(graph, layer, units, steps=500, chunk=10)
    assert not crept.bounded or crept.parts[-1] > 2 * crept.parts[2]
    assert crept.max == pytest.approx(50e-4, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [LSTMCell(3, hidden=8), MGUCell(3, hidden=8)], ids=["operator", "Scan"])
def test_five_thousand_steps_drift_nowhere(cell: torch.nn.Module) -> None:
    layer = Recurrent(cell).eval()  # type: ignore[arg-type]
    found = drift(opened(layer), layer, Units.plain(3, 8))
    assert found.steps == 5000
    assert found.bounded
    assert found.max < 1e-5


def test_onnx_still_ignores_sequence_lens() -> None:
    """Why recurrent operators are run row by row: where this fails, the evaluator can be used as it is."""
    from onnx.reference import ReferenceEvaluator

    layer = Recurrent(LSTMCell(3, hidden=2)).eval()
    proto, info = lower(DeploymentTwin(layer, "full").eval(), "full", opset=20)
    x, lengths = np.ones((2, 4, 3), np.float32), np.array([4, 2])
    state = {f"state.{name}": np.zeros((2, 2), np.float32) for name in layer.state}
    names = [value.name for value in proto.graph.output]
    plain = dict(zip(names, ReferenceEvaluator(proto).run(None, {"x": x, "lengths": lengths, **state}), strict=True))
    _, _, ours = Evaluator(proto, info, describe_states(layer)).run(x, lengths, state)
    apart = np.abs(plain["next_state.h"] - ours["state.h"]).max(axis=1)
    assert apart[0] < 1e-6
    assert apart[1] > 1e-3
