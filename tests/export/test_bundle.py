"""Whole bundles: what is in them, that they equal the model, and that they appear whole or not at all."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from seqhub.errors import BundleError, ExportError, UsageError
from seqhub.export import export_bundle, verify_bundle
from seqhub.export.verify import verify_parity
from seqhub.nn import Recurrent
from seqhub.runtime import Classification, Forecast, load
from seqhub.runtime.checks import stream_through
from seqhub.runtime.manifest import METADATA_KEY
from seqhub_cells.gru import GRUCell
from tests.export.conftest import Exported
from tests.export.layers import Drifting, Frozen, Gain, Shift, model_of

pytestmark = pytest.mark.heavy

BUNDLES = ("hybrid", "ahead")


@pytest.fixture(params=BUNDLES)
def exported(request: pytest.FixtureRequest) -> Exported:
    found: Exported = request.getfixturevalue(request.param)
    return found


def torch_outputs(model: torch.nn.Module, sequences: list[np.ndarray]) -> list[np.ndarray]:
    """Each sequence alone through torch: [T'_i O]."""
    found = []
    for x in sequences:
        with torch.no_grad():
            y, n, _ = model(torch.from_numpy(x)[None], torch.tensor([len(x)]), model.initial_state(1))  # type: ignore[operator]
        found.append(y[0, : int(n)].numpy())
    return found


def sequences_for(exported: Exported, lengths: tuple[int, ...] = (31, 1, 18, 7, 2)) -> list[np.ndarray]:
    source = np.random.default_rng(5)
    return [(10 + 3 * source.standard_normal((n, exported.model.d_in))).astype(np.float32) for n in lengths]


def test_the_full_graph_gives_what_torch_gives(exported: Exported) -> None:
    sequences = sequences_for(exported)
    scale = np.asarray(exported.model.ends.output_scale)
    for y, found in zip(
        torch_outputs(exported.model, sequences), load(exported.folder).outputs(sequences), strict=True
    ):
        assert found.shape == (len(y), *exported.model.ends.outputs)
        assert np.abs((found.reshape(y.shape) - y) / scale).max(initial=0) < 2e-4


@pytest.mark.parametrize("size", [1, 3, 7, 0])
def test_streams_of_ragged_rows_give_what_the_full_graph_gives(exported: Exported, size: int) -> None:
    model = load(exported.folder)
    sequences = sequences_for(exported)
    streamed = stream_through(model, sequences, size)
    for whole, parts in zip(model.outputs(sequences), streamed, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-5 * np.abs(whole).max(initial=1))


def test_the_folder_holds_what_the_manifest_says(exported: Exported) -> None:
    names = sorted(path.name for path in exported.folder.iterdir())
    assert names == ["README.md", "full.onnx", "parity.json", "seqhub.json", "stream.onnx"]
    manifest = load(exported.folder).manifest
    assert set(manifest.files) == {"full.onnx", "stream.onnx", "parity.json"}
    assert manifest.features == exported.model.ends.features
    assert [state.input for state in manifest.states] == [f"state.{name}" for name in exported.model.state]
    assert manifest.future == exported.model.geometry.future
    assert manifest.block == exported.model.geometry.block
    assert not list(exported.folder.parent.glob(".*"))


def test_every_promised_dimension_is_free_and_named(exported: Exported) -> None:
    time_out = "time" if exported.model.geometry.ratio == 1 and exported.model.geometry.future == 0 else "time_out"
    takes_end = exported.model.geometry.future > 0
    for role in ("full", "stream"):
        graph = onnx.load(exported.folder / f"{role}.onnx").graph
        shapes = {
            value.name: tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim)
            for value in [*graph.input, *graph.output]
        }
        assert shapes["x"] == ("batch", "time", 3)
        assert shapes["y"] == ("batch", time_out, 4)
        assert shapes["lengths"] == shapes["out_lengths"] == ("batch",)
        assert ("end" in shapes) == (takes_end and role == "stream")
        for name, slot in exported.model.state.items():
            assert shapes[f"state.{name}"] == shapes[f"next_state.{name}"] == ("batch", *slot.shape)


def test_graphs_tell_nothing_of_the_machine_that_wrote_them(exported: Exported) -> None:
    here = Path(__file__).resolve()
    words = [str(here.parents[2]), str(Path.home()), "/home/", "site-packages", ".py", "def forward", "stack_trace"]
    for path in exported.folder.glob("*.onnx"):
        data = path.read_bytes()
        assert [word for word in words if word.encode() in data] == []
        model = onnx.load(path)
        assert (model.producer_name, model.doc_string) == ("seqhub", "")
        assert [p.key for p in model.metadata_props] == [METADATA_KEY]
        assert all(not node.doc_string and not node.metadata_props for node in model.graph.node)
        assert not model.graph.value_info
        assert model.opset_import[0].version == 20
    assert "/home/" not in (exported.folder / "seqhub.json").read_text()


def test_the_manifest_inside_is_the_one_beside(exported: Exported) -> None:
    beside = json.loads((exported.folder / "seqhub.json").read_text())
    del beside["files"]
    for role in ("full", "stream"):
        inside = onnx.load(exported.folder / f"{role}.onnx").metadata_props[0].value
        assert json.loads(inside) == beside


def test_parity_json_counts_the_cases_and_differences(exported: Exported) -> None:
    parity = json.loads((exported.folder / "parity.json").read_text())
    assert parity["graphs"] == exported.report.graphs
    assert parity["cases"]["batch"] == [1, 2, 5]
    for found in (parity["graphs"]["full"], parity["graphs"]["stream"], parity["graphs"]["stream"]["chunked"]):
        assert found["cases"] >= 100
        assert found["values"] > 1000
        assert 0 <= found["mean"] <= found["max"] < parity["tolerance"]
        assert 0 <= found["p99"] <= found["max"]


def test_native_cells_become_native_operators_and_others_scan(hybrid: Exported, ahead: Exported) -> None:
    operators = {
        name: {node.op_type for node in onnx.load(bundle.folder / "full.onnx").graph.node}
        for name, bundle in (("hybrid", hybrid), ("ahead", ahead))
    }
    assert "GRU" in operators["hybrid"]
    assert "Scan" in operators["ahead"]
    assert not {"Loop", "If", "SequenceMap"} & (operators["hybrid"] | operators["ahead"])


def test_verify_passes_and_torch_agrees_again(exported: Exported) -> None:
    checks = [*verify_bundle(exported.folder), *verify_parity(exported.folder, exported.model)]
    assert {check.name: check.detail for check in checks if check.ok is False} == {}
    assert sum(check.ok is None for check in checks) == 1  # parity needs the run, which was not given


def test_verify_finds_another_model(hybrid: Exported, ahead: Exported) -> None:
    with pytest.raises(UsageError, match="they are not the same model"):
        verify_parity(hybrid.folder, ahead.model)
    retrained = copy.deepcopy(hybrid.model)
    torch.nn.init.normal_(next(retrained.stack["block1"].parameters()))
    checks = verify_parity(hybrid.folder, retrained)
    assert [check.ok for check in checks] == [False, False]
    assert "differs by" in checks[0].detail


def test_answers_are_forecasts_and_labels(hybrid: Exported, ahead: Exported) -> None:
    steps = sequences_for(hybrid)[0]
    forecast = load(hybrid.folder).predict(steps)
    assert isinstance(forecast, Forecast)
    assert forecast.values.shape == (4, 1)
    expected = torch_outputs(hybrid.model, [steps[-12:]])[0][-1]
    np.testing.assert_allclose(forecast.values.ravel(), expected, rtol=1e-5)
    label = load(ahead.folder).predict(steps)
    assert isinstance(label, Classification)
    logits = torch.from_numpy(torch_outputs(ahead.model, [steps])[0][-1]).double()
    np.testing.assert_allclose(label.probabilities, logits.softmax(0).numpy(), rtol=1e-4)


def test_the_card_shows_tensors_scores_parity_and_three_languages(hybrid: Exported) -> None:
    card = (hybrid.folder / "README.md").read_text()
    for words in (
        "# hybrid",
        "`next_state.block1.h`",
        "| this model | 0.25 |",
        "| repeat-last | 0.5 |",
        "[batch time 3]",
    ):
        assert words in card
    for fence in ("```python", "```js", "```cpp"):
        assert fence in card


def test_the_python_of_the_card_runs(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    card = (exported.folder / "README.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    monkeypatch.chdir(exported.folder)
    exec(compile(program, "README.md", "exec"), {})


def test_progress_names_each_stage(hybrid: Exported) -> None:
    assert any("exporting" in line for line in hybrid.lines)
    assert sum("cases agree" in line for line in hybrid.lines) == 2


def export(model: torch.nn.Module, out: Path, **more: object) -> object:
    return export_bundle(model, model.ends, {"type": "other"}, {"block1": "acme/odd==1.0"}, out, name="m", **more)  # type: ignore[arg-type]


def test_exporting_is_silent_and_leaves_the_model_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = model_of(Gain()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export(model, tmp_path / "bundle")
    assert capfd.readouterr() == ("", "")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_bundle_is_replaced_whole_and_other_folders_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "with a space" / "bundle"
    export(model_of(Gain()), out, graphs=["full"])
    first = (out / "full.onnx").read_bytes()
    (out / "stale.txt").write_text("old")
    export(model_of(Shift()), out, graphs=["full"])
    assert (out / "full.onnx").read_bytes() != first
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "full.onnx", "parity.json", "seqhub.json"]
    assert [path.name for path in out.parent.iterdir()] == ["bundle"]
    other = tmp_path / "notes"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="is there already and is no bundle"):
        export(model_of(Gain()), other)


@pytest.mark.parametrize(
    ("broken", "code", "words"),
    [
        pytest.param(Frozen, "E502", r"x is \[batch 11 3\], promised \[batch time 3\]", marks=pytest.mark.slow),
        (Drifting, "E503", r"y differs by .* \(batch 1, time 7, full rows"),
    ],
)
def test_a_failed_export_names_block_and_plugin_and_leaves_nothing(
    tmp_path: Path, broken: type[Shift], code: str, words: str
) -> None:
    with pytest.raises(ExportError, match=words) as caught:
        export(model_of(Gain(), broken(), Gain()), tmp_path / "bundle")
    message = caught.value.problems[0].message
    assert caught.value.problems[0].code == code
    assert "at fault: block 'block1' (acme/odd==1.0): " in message
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_stream_says_why(tmp_path: Path) -> None:
    cell, back = GRUCell(3, hidden=2), GRUCell(3, hidden=2)
    model = model_of(Recurrent(cell, direction="bidirectional", backward_cell=back))
    with pytest.raises(ExportError, match="the model cannot stream: direction: bidirectional") as caught:
        export(model, tmp_path / "bundle")
    assert caught.value.problems[0].fix == "set direction: forward, or export graphs: [full]"


@pytest.mark.slow
def test_a_model_that_cannot_stream_has_a_full_graph_that_equals_it(tmp_path: Path) -> None:
    cell, back = GRUCell(3, hidden=2), GRUCell(3, hidden=2)
    model = model_of(Recurrent(cell, direction="bidirectional", backward_cell=back))
    export(model, tmp_path / "bundle", graphs=["full"])
    bundle = load(tmp_path / "bundle")
    assert set(bundle.graphs) == {"full"}
    steps = np.random.default_rng(1).normal(10, 3, (9, 3)).astype(np.float32)
    np.testing.assert_allclose(bundle.outputs([steps])[0], torch_outputs(model, [steps])[0], rtol=1e-4)
    with pytest.raises(BundleError, match="has no stream graph: direction: bidirectional"):
        bundle.stream()


def test_unknown_graphs_are_refused(tmp_path: Path) -> None:
    for graphs in ([], ["full", "half"]):
        with pytest.raises(UsageError, match="graphs are"):
            export(model_of(Gain()), tmp_path / "bundle", graphs=graphs)
