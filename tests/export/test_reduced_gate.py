"""The gate: what passes is written and true, what does not leaves nothing; and the runtime takes what is there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import seqhub.runtime
from seqhub.cli import main
from seqhub.errors import BundleError, ExportError, UsageError
from seqhub.export.drift import Drift
from seqhub.export.reduced import Judge, Wanted, add_reduced, attempts, drop
from seqhub.export.reduced.drift import measure_drift
from seqhub.export.verify import verify_onnx
from seqhub.nn import Recurrent
from seqhub.runtime.checks import stream_through
from seqhub.runtime.manifest import FILE, sha256_of
from seqhub.runtime.verify import verify
from seqhub_cells.lstm import LSTMCell
from seqhub_conv.conv1d import Conv1d
from tests.export.layers import model_of, plain_ends
from tests.export.reduced_bundles import judge, one_thread, snapshot, steps_for, unproven

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolution and LSTM, float32 alone."""
    ends = plain_ends(3, (2,))
    blocks = (Conv1d(24, channels=24, kernel=3), Recurrent(LSTMCell(24, hidden=32)))
    return unproven(tmp_path_factory.mktemp("plain") / "bundle", one_thread(lambda: model_of(*blocks, ends=ends)), ends)


@pytest.fixture(scope="module")
def reduced(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every precision."""
    folder = tmp_path_factory.mktemp("reduced") / "bundle"
    shutil.copytree(plain, folder)
    outcomes = add_reduced(folder, Wanted(("int8", "int8-static", "fp16"), max_drop=0.2), judge(folder))
    assert [str(o) for o in outcomes if not o.written] == []
    return folder


@pytest.fixture
def fresh(plain: Path, tmp_path: Path) -> Path:
    shutil.copytree(plain, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.mark.parametrize(
    ("better", "before", "after", "lost"),
    [
        ("min", 2.0, 2.5, 0.25),
        ("min", 2.0, 1.0, -0.5),
        ("max", 0.8, 0.6, 0.25),
        ("max", 0.5, 0.75, -0.5),
        ("max", -2.0, -3.0, 0.5),
        ("min", 0.0, 0.0, 0.0),
        ("min", 0.0, 0.1, np.inf),
        ("max", 0.0, 0.1, 0.0),
        ("min", 1.0, np.nan, np.inf),
        ("max", np.nan, 1.0, np.inf),
    ],
)
def test_a_drop_is_relative_and_knows_its_direction(better: str, before: float, after: float, lost: float) -> None:
    assert drop(better, before, after) == pytest.approx(lost)


def test_an_error_that_grows_with_time_is_not_bounded() -> None:
    growing = [0.5 + tenth for tenth in range(10)]
    assert Drift(5000, (0.02, 0.03, 0.02, *(0.03,) * 6, 0.08), 0.1).bounded
    assert Drift(5000, (0.0,) * 10, 0.0).bounded
    assert not Drift(5000, tuple(growing), 10.0).bounded
    assert Drift(5000, tuple(one**0.5 for one in growing), 10.0).bounded  # a walk that returns
    assert not Drift(5000, (0.03,) * 10, np.inf).bounded


def test_every_fact_of_the_manifest_is_true(reduced: Path, plain: Path) -> None:
    manifest = seqhub.runtime.load(reduced).manifest
    assert list(manifest.reduced) == ["int8", "int8-static", "fp16"]
    scores = judge(plain)
    before = scores.score(plain, "float32")["mae"]
    for precision, info in manifest.reduced.items():
        facts = info.facts
        assert info.files == {role: f"{role}.{precision}.onnx" for role in ("full", "stream")}
        for role, file in info.files.items():
            size = (reduced / file).stat().st_size
            assert facts["bytes"][role] == {"before": (reduced / f"{role}.onnx").stat().st_size, "after": size}
            assert manifest.files[file] == {"sha256": sha256_of(reduced / file), "bytes": size}
            assert facts["latency_us"][role]["before"] > 0
            assert facts["latency_us"][role]["after"] > 0
            used = {node.domain for node in onnx.load(reduced / file).graph.node} - {""}
            assert used <= set(facts["requires"])
        metric = facts["metric"]
        after = scores.score(reduced, precision)["mae"]
        assert (metric["name"], metric["better"], metric["split"]) == ("mae", "min", "valid")
        assert (metric["before"], metric["after"]) == (pytest.approx(before), pytest.approx(after))
        assert metric["drop"] == pytest.approx((after - before) / before)
        assert metric["drop"] <= metric["max_drop"] == 0.2
        assert facts["drift"]["steps"] == 5000
        assert facts["onnxruntime"] == onnx_runtime_version()
    facts = {precision: info.facts for precision, info in manifest.reduced.items()}
    assert facts["int8"]["float32"] == {"Conv": 24 * 24 * 3}
    assert facts["int8-static"]["float32"] == facts["fp16"]["float32"] == {}
    assert [facts[p]["requires"] for p in facts] == [["com.microsoft"], ["com.microsoft"], []]
    sizes = {p: facts[p]["bytes"]["full"]["after"] for p in facts}
    assert sizes["int8-static"] < sizes["int8"] < facts["int8"]["bytes"]["full"]["before"]


def onnx_runtime_version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def test_the_graphs_of_float32_are_untouched(reduced: Path, plain: Path) -> None:
    for name in ("full.onnx", "stream.onnx", "parity.json"):
        assert (reduced / name).read_bytes() == (plain / name).read_bytes()


def test_it_loads_and_streams_where_there_is_no_torch(reduced: Path, plain: Path, tmp_path: Path) -> None:
    rows = steps_for(3)
    np.savez(tmp_path / "rows.npz", *rows)
    program = (
        "import sys, numpy as np, seqhub.runtime as r\n"
        f"rows = list(np.load({str(tmp_path / 'rows.npz')!r}).values())\n"
        f"model = r.load({str(reduced)!r}, precision=sys.argv[1])\n"
        "stream = model.stream(3)\n"
        "parts = [stream.push([x[at:at + 5] for x in rows]) for at in range(0, 40, 5)]\n"
        "streamed = [np.concatenate([part[i] for part in parts]) for i in range(3)]\n"
        f"np.savez({str(tmp_path)!r} + '/' + sys.argv[1], *model.outputs(rows), *streamed)\n"
        "assert not {'torch', 'onnx', 'seqhub.export'} & set(sys.modules)\n"
    )
    expected = seqhub.runtime.load(plain).outputs(rows)
    for precision, limit in (("int8", 0.1), ("fp16", 0.01)):
        done = subprocess.run([sys.executable, "-c", program, precision], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = list(np.load(tmp_path / f"{precision}.npz").values())
        for way in (found[:3], found[3:]):
            for y, other in zip(expected, way, strict=True):
                assert 0 < np.abs(y - other).mean() < limit * y.std()


def test_verify_checks_them_too(reduced: Path, tmp_path: Path) -> None:
    checks = [*verify(reduced), *verify_onnx(reduced)]
    assert [check for check in checks if check.ok is not True] == []
    names = {check.name for check in checks}
    for file in ("full.int8.onnx", "stream.int8.onnx", "stream.fp16.onnx"):
        assert {f"dimensions of {file}", f"answers of {file}", f"onnx checker on {file}"} <= names
    folder = tmp_path / "bundle"
    shutil.copytree(reduced, folder)
    (folder / "full.int8.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"full\.int8\.onnx' has 0 bytes"):
        verify(folder)
    proto = onnx.load(reduced / "full.int8.onnx")
    weights = next(t for t in proto.graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 3)
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights)[:, ::-1].copy(), weights.name))
    onnx.save(proto, folder / "full.int8.onnx")
    raw = json.loads((folder / FILE).read_text())
    path = folder / "full.int8.onnx"
    raw["files"][path.name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    (folder / FILE).write_text(json.dumps(raw))
    failed = [check.name for check in verify(folder) if check.ok is False]
    assert failed == ["answers of full.int8.onnx"]


@pytest.mark.parametrize("better", ["min", "max"])
def test_a_gate_that_refuses_leaves_nothing(fresh: Path, better: str) -> None:
    before, sound = snapshot(fresh), judge(fresh, noise=0.0, better=better)

    def worse(folder: Path, precision: str) -> dict[str, float]:
        scores = {"mae": 1.0, "closeness": -1.0}
        return {"mae": 1.25, "closeness": -1.25} if precision != "float32" else scores

    forced = Judge(sound.metric, sound.better, worse, sound.batches)
    outcomes = add_reduced(fresh, Wanted(("int8", "fp16"), max_drop=0.0), forced)
    assert [outcome.written for outcome in outcomes] == [False, False]
    words = f"{sound.metric} goes from {'1' if better == 'min' else '-1'} to "
    assert words in outcomes[0].reason
    assert "25.00% worse, 0.00% allowed, with one scale a matrix; " in outcomes[0].reason
    assert outcomes[0].reason.endswith("with one scale a column")
    assert "\n" not in str(outcomes[0])
    after = snapshot(fresh)
    assert json.loads(after.pop(FILE)) == json.loads(before.pop(FILE))
    assert after == before


def test_a_second_attempt_has_a_scale_for_each_column(fresh: Path) -> None:
    sound, tries = judge(fresh), []

    def picky(folder: Path, precision: str) -> dict[str, float]:
        if precision != "float32":
            tries.append(precision)
        return {"mae": 2.0 if len(tries) == 1 else 1.0}

    (outcome,) = add_reduced(fresh, Wanted(("int8",)), Judge("mae", "min", picky, sound.batches))
    assert outcome.written
    assert outcome.facts["scales"] == "one scale a column"
    graph = onnx.load(fresh / "full.int8.onnx").graph
    lstm = next(node for node in graph.node if node.op_type == "DynamicQuantizeLSTM")
    scales = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    assert scales[lstm.input[8]] == (1, 128)


def test_what_is_required_is_an_error(fresh: Path) -> None:
    sound = judge(fresh)
    refusing = Judge("mae", "min", lambda folder, p: {"mae": 1.0 if p == "float32" else 9.0}, sound.batches)
    with pytest.raises(ExportError, match="fp16 is required, but was refused: mae goes from 1 to 9") as caught:
        add_reduced(fresh, Wanted(("fp16",), required=True), refusing)
    assert caught.value.problems[0].code == "E507"
    assert list(fresh.glob("*.fp16.onnx")) == []


def test_other_reasons_to_refuse(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, sound = snapshot(fresh), judge(fresh)
    blind = Judge("mae", "min", lambda folder, precision: {}, sound.batches)
    (outcome,) = add_reduced(fresh, Wanted(("int8",)), blind)
    assert outcome.reason == "there is no validation data to judge it by"
    with pytest.raises(UsageError, match="precision 'int4' is unknown"):
        add_reduced(fresh, Wanted(("int4",)), sound)
    growing = Drift(5000, (1.0, 1.0, 2.0, *(9.0,) * 7), 9.0)
    monkeypatch.setattr("seqhub.export.reduced.add.measure_drift", lambda *_: growing)
    (outcome,) = add_reduced(fresh, Wanted(("fp16",), max_drop=1.0), sound)
    assert "its error grows over 5000 streamed steps: 1.0e+00, 1.0e+00, 2.0e+00, " in outcome.reason

    def careless(proto: onnx.ModelProto) -> onnx.ModelProto:
        """Loses the state of idle rows."""
        made = onnx.ModelProto()
        made.CopyFrom(proto)
        for node in made.graph.node:
            for name in node.output:
                if name.startswith("next_state.") and node.op_type == "Where":
                    node.input[1] = node.input[2]
        return made

    monkeypatch.setattr(attempts, "as_fp16", careless)
    (outcome,) = add_reduced(fresh, Wanted(("fp16",), max_drop=1.0), sound)
    assert "breaks the contract of a graph: state.block1.h differs in a row of length 0" in outcome.reason
    after = snapshot(fresh)
    assert json.loads(after.pop(FILE)) == json.loads(before.pop(FILE))
    assert after == before


def test_drift_is_that_of_two_streams(reduced: Path) -> None:
    model, int8 = seqhub.runtime.load(reduced), seqhub.runtime.load(reduced, precision="int8")
    same = measure_drift(model, seqhub.runtime.load(reduced), steps=20)
    assert same is not None
    assert same.parts == (0.0,) * 10
    found = measure_drift(model, int8, steps=20)
    assert found is not None
    assert 0 < max(found.parts) <= found.max
    rows = steps_for(1)
    whole, streamed = int8.outputs(rows)[0], stream_through(int8, rows, 1)[0]
    assert whole.shape == streamed.shape


def test_a_precision_that_is_not_there_is_one_clear_error(
    plain: Path, reduced: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BundleError, match="the bundle 'small' has no precision 'int4'") as caught:
        seqhub.runtime.load(reduced, precision="int4")
    problem = caught.value.problems[0]
    assert (problem.code, problem.fix) == ("E719", "it has: float32, int8, int8-static, fp16")
    (tmp_path / "x.csv").write_text("in0,in1,in2\n" + "10,11,12\n" * 9)
    predict = ["predict", str(plain), str(tmp_path / "x.csv"), "--precision", "int8"]
    assert main(predict) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "error[E719]" in said.err
    assert "it has: float32" in said.err
    answers = {}
    for precision in ("float32", "int8"):
        assert main(["predict", str(reduced), str(tmp_path / "x.csv"), "--precision", precision, "--json"]) == 0
        answers[precision] = json.loads(capsys.readouterr().out)["answers"]
    assert answers["int8"] != answers["float32"]


def test_a_damaged_list_of_precisions_is_refused(reduced: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(reduced, folder)
    raw = json.loads((folder / FILE).read_text())
    for files, words in (
        ({}, "the graphs of precision int8 are"),
        ({"half": "full.int8.onnx"}, "the graphs of precision int8 are"),
        ({"full": "../full.int8.onnx"}, "lies outside the bundle"),
        ({"full": "README.md"}, "gives no checksum for 'README.md'"),
    ):
        raw["reduced"]["int8"]["files"] = files
        (folder / FILE).write_text(json.dumps(raw))
        with pytest.raises(BundleError, match=words):
            seqhub.runtime.load(folder)
