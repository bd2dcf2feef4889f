"""Reduced precision of models that read ids: embeddings, an encoder-decoder; and the verbs over a run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

import seqhub.runtime
from seqhub.cli import main
from seqhub.export import export_bundle
from seqhub.export.reduced import Judge, Wanted, add_reduced
from seqhub.export.reduced.drift import measure_drift
from seqhub.nn import Chain, Recurrent, SequenceModel
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.recipe.sections import ExportSection, Reduced, Verify
from seqhub.runtime.seq2seq import Translator
from seqhub.runtime.verify import verify
from seqhub.training.evaluate import evaluate_bundle
from seqhub.training.folder import RunFolder
from seqhub_attention.additive import Bahdanau
from seqhub_cells.gru import GRUCell
from seqhub_cells.lstm import LSTMCell
from tests.export.layers import Shift, model_of, plain_ends
from tests.export.reduced_bundles import batches, judge, one_thread, unproven
from tests.nn.pairs import ends
from tests.tasks.test_translate import made

pytestmark = pytest.mark.heavy


def test_an_embedding_is_stored_in_int8(tmp_path: Path) -> None:
    scores = ends(target=40, source=40)
    layer = one_thread(lambda: SequenceModel(scores, Chain(16, {"block0": Recurrent(LSTMCell(16, hidden=32))})))
    folder = unproven(tmp_path / "bundle", layer, scores)
    sound = Judge("nats", "min", lambda bundle, precision: {"nats": 1.0}, lambda: ())
    (outcome,) = add_reduced(folder, Wanted(("int8",)), sound)
    assert outcome.written
    assert outcome.facts["float32"] == {}
    graph = onnx.load(folder / "stream.int8.onnx").graph
    tables = [t for t in graph.initializer if t.data_type == onnx.TensorProto.UINT8 and list(t.dims) == [40, 16]]
    assert len(tables) == 1
    text = np.random.default_rng(0).integers(0, 40, (30, 1))
    expected, found = (seqhub.runtime.load(folder, precision=p).outputs([text])[0] for p in ("float32", "int8"))
    assert 0 < np.abs(found - expected).mean() < 0.1 * expected.std()
    assert [check for check in verify(folder) if check.ok is not True] == []


def test_a_translator_searches_in_int8(tmp_path: Path) -> None:
    task = made()
    given = ends(task.ends.d_out, task.ends.tokens)
    reader = Chain(24, {"block0": Recurrent(GRUCell(24, hidden=24))})
    writer = Chain(24, {"0": Bahdanau(24, hidden=24, memory_width=24)})
    model = one_thread(lambda: EncoderDecoder(given, reader, writer, bridge=True, tied="none"))
    folder = unproven(tmp_path / "bundle", model, given, task.manifest())

    def score(bundle: Path, precision: str) -> dict[str, float]:
        return {"chrf": 1.0 + evaluate_bundle(bundle, task, "valid", precision=precision).metrics["chrf"]}

    outcomes = add_reduced(folder, Wanted(("int8", "int8-static"), max_drop=1.0), Judge("chrf", "max", score, batches))
    assert [outcome.written for outcome in outcomes] == [True, False]
    assert "finds no Conv to reduce" in outcomes[1].reason
    facts = outcomes[0].facts
    assert facts["drift"]["steps"] == 5000
    assert 0 < max(facts["drift"]["parts"][:3]) <= facts["drift"]["max"]
    assert "decoder_step" in facts["files"]
    assert facts["float32"]["GRU"] == 2 * 3 * 24 * 24
    int8 = seqhub.runtime.load(folder, precision="int8")
    same = measure_drift(seqhub.runtime.load(folder), seqhub.runtime.load(folder), steps=40)
    assert same is not None
    assert same.parts == (0.0,) * 10
    assert isinstance(int8, Translator)
    assert int8.precision == "int8"
    sources = np.array([[4], [5], [3]])
    assert int8.encode(sources[None], np.array([3]))[0].shape == (1, 3, 24)
    assert [check for check in verify(folder) if check.ok is not True] == []


def test_a_bundle_is_exported_with_its_reduced_graphs_and_says_so_on_its_card(tmp_path: Path) -> None:
    scales = plain_ends(3, (2,))
    model = one_thread(lambda: model_of(Recurrent(LSTMCell(24, hidden=32)), ends=scales))

    def reduce(folder: Path) -> list[object]:
        return list(add_reduced(folder, Wanted(("int8", "int8-static"), max_drop=0.3), judge(folder)))

    out = tmp_path / "bundle"
    report = export_bundle(model, scales, {"type": "other"}, {}, out, name="m", graphs=["full"], reduce=reduce)
    assert [(outcome.precision, outcome.written) for outcome in report.reduced] == [
        ("int8", True),
        ("int8-static", False),
    ]
    names = sorted(path.name for path in out.iterdir())
    assert names == ["README.md", "full.int8.onnx", "full.onnx", "parity.json", "seqhub.json"]
    card = (out / "README.md").read_text()
    assert "## Reduced precision" in card
    assert '`seqhub.runtime.load(bundle, precision="int8")`' in card
    assert "| `full.int8.onnx` |" in card
    assert "int8: every large weight is reduced." in card
    assert json.loads((out / "seqhub.json").read_text())["reduced"]["int8"]["drift"] is None  # it has no stream


def test_the_command_line_asks_for_precisions_and_reports_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs" / "toy"
    folder.mkdir(parents=True)
    model = one_thread(lambda: model_of(Shift()))
    section = ExportSection(verify=Verify(tolerance=1e-5))
    recipe = SimpleNamespace(name="toy", export=section)
    loaded = SimpleNamespace(
        recipe=recipe,
        plan=SimpleNamespace(nodes=(), decoder=None),
        ends=model.ends,
        manifest={"type": "toy"},
        model=model,
    )
    monkeypatch.setattr(RunFolder, "open", classmethod(lambda cls, path: RunFolder(path)))
    monkeypatch.setattr(RunFolder, "load_model", lambda self, which="best": loaded)
    monkeypatch.setattr("seqhub.cli.runs.warn_of_versions", lambda folder, recipe: None)
    asked = []

    def judged(recipe: object) -> Judge:
        asked.append(recipe)
        return Judge("mae", "min", lambda bundle, precision: {"mae": 1.0}, batches)

    monkeypatch.setattr("seqhub.cli.reduced.judge_of", judged)
    assert main(["export", str(folder)]) == 0
    assert asked == []
    capsys.readouterr()
    assert main(["export", str(folder), "--reduced", "int8"]) == 0
    output = capsys.readouterr().out
    assert "int8: reducing, and scoring the validation data" in output
    assert "int8: not written: onnxruntime" in output
    assert "weights of 512 numbers or more: none" in output
    assert asked == [loaded.recipe]
    recipe.export = dataclasses.replace(section, reduced=Reduced(precisions=("fp16",), required=True))
    before = (folder / "bundle" / "seqhub.json").read_bytes()
    assert main(["export", str(folder)]) == 1
    assert "error[E507]: fp16 is required, but was refused" in capsys.readouterr().err
    assert (folder / "bundle" / "seqhub.json").read_bytes() == before
    assert main(["eval", str(folder), "--precision", "int8"]) == 2
    assert "error[E025]" in capsys.readouterr().err
    assert main(["export", str(folder), "--reduced", "int4"]) == 2
    assert "invalid choice: 'int4'" in capsys.readouterr().err
