"""An encoder-decoder as two graphs: proven, searched by the runtime, and refused where it was touched."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import seqhub.runtime
from seqhub.cli import main
from seqhub.errors import BundleError, ExportError
from seqhub.export import export_bundle, verify_bundle
from seqhub.export.blame import Culprit, parts
from seqhub.export.cases import Case, draw_steps, make_inputs
from seqhub.export.compare import Mismatch
from seqhub.export.drift import drift
from seqhub.export.parity import Failure, prove
from seqhub.export.sides import lower_sides, sides_of
from seqhub.runtime.decoding import Search
from seqhub.runtime.manifest import GraphInfo
from seqhub.runtime.seq2seq import Translator
from seqhub.runtime.session import Graph
from seqhub.tasks.translate_search import translations
from tests.nn.pairs import small
from tests.tasks.test_translate import batch_of, made

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def task():
    return made()


@pytest.fixture(scope="module")
def model(task):
    return small(target=task.ends.d_out, source=task.ends.tokens)


@pytest.fixture(scope="module")
def bundle(task, model, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pair") / "bundle"
    providers = {"block0": "a/gru==1", "decoder.0": "b/bahdanau==1"}
    export_bundle(model, task.ends, task.manifest(), providers, out, name="pair")
    return out


def test_what_lies_in_the_bundle(bundle, task):
    assert sorted(path.name for path in bundle.iterdir()) == [
        "README.md", "decoder_step.onnx", "encoder.onnx", "parity.json", "seqhub.json", "tokens.onnx",
    ]  # fmt: skip
    raw = json.loads((bundle / "seqhub.json").read_text())
    tensors = {role: [t["name"] for t in (*g["inputs"], *g["outputs"])] for role, g in raw["graphs"].items()}
    assert tensors["encoder"] == ["x", "lengths", "memory", "memory_lengths"]
    states = ["0.h", "0.alignment", "1.h", "bridge.started"]
    assert tensors["decoder_step"] == [
        *("x", "lengths", "memory", "memory_lengths", *(f"state.{name}" for name in states)),
        *("y", "out_lengths", *(f"next_state.{name}" for name in states)),
    ]
    assert raw["task"]["tokenizer"]["vocabulary"]["tokens"] == list(task.corpus.readers[0].vocabulary.tokens)
    assert raw["plugins"] == ["a/gru==1", "b/bahdanau==1"]
    parity = json.loads((bundle / "parity.json").read_text())["graphs"]
    assert parity["encoder"]["max"] < 1e-5
    assert parity["decoder_step"]["cases"] > 50
    assert parity["decoder_step"]["chunked"]["max"] < 1e-4
    shape = onnx.load(bundle / "encoder.onnx").graph.output[0].type.tensor_type.shape
    assert [d.dim_param or d.dim_value for d in shape.dim] == ["batch", "time", 12]
    card = (bundle / "README.md").read_text()
    assert "model.translate(" in card
    assert "encoder.onnx" in card


def test_the_bundle_verifies(bundle, model, capsys):
    assert all(check.ok is not False for check in verify_bundle(bundle, model))
    assert main(["verify", str(bundle)]) == 0
    assert "one token at a time, and all at once" in capsys.readouterr().out
    other = copy.deepcopy(model)
    for parameter in other.decoder.parameters():
        parameter.data.mul_(1.01)
    failed = {check.name for check in verify_bundle(bundle, other) if check.ok is False}
    assert failed == {"parity of decoder_step.onnx with torch"}


@pytest.mark.parametrize("steps", [500, pytest.param(5000, marks=pytest.mark.slow)])
def test_a_decoder_that_is_told_many_tokens_drifts_nowhere(steps, bundle, task, model):
    graph, side = seqhub.runtime.load(bundle).graphs["decoder_step"], sides_of(model, task.ends, [], task.manifest())[1]
    found = drift(graph, model.decoder, side.units, steps=steps)
    assert (found.steps, found.bounded) == (steps, True)
    assert found.max < 2e-5
    other = copy.deepcopy(model.decoder)
    for parameter in other.parameters():
        parameter.data.mul_(1.01)
    assert drift(graph, other, side.units, steps=500).parts[-1] > 1e-3


@pytest.mark.parametrize("name", ["memory", "memory_lengths", "state.1.h"])
def test_a_drift_runs_through_the_memory_and_the_states(name, bundle, task, model, monkeypatch):
    translator, run = seqhub.runtime.load(bundle), Graph.run

    def careless(self, x, lengths, state, end=None):
        return run(self, x, lengths, {**state, name: state[name] // 2}, end)

    monkeypatch.setattr(Graph, "run", careless)
    units = sides_of(model, task.ends, [], task.manifest())[1].units
    assert drift(translator.graphs["decoder_step"], model.decoder, units, steps=500).parts[-1] > 1e-3


@pytest.mark.parametrize("width", [1, 4])
def test_the_runtime_finds_what_torch_finds(width, bundle, task, model):
    batch = batch_of(task, rows=12)
    options = Search(width=width)
    ids = {"begin": task.corpus.begin, "end": task.corpus.end, "never": task.corpus.never}
    with torch.no_grad():
        expected = translations(model, batch, options, **ids, best=2)
    translator = seqhub.runtime.load(bundle)
    assert isinstance(translator, Translator)
    found = translator.search_batch(batch.x.numpy(), batch.lengths.numpy(), options, best=2)
    for one, other in zip(expected, found, strict=True):
        assert [h.ids for h in one] == [h.ids for h in other]
        np.testing.assert_allclose([h.log_p for h in one], [h.log_p for h in other], atol=1e-4)
    y, lengths, state = translator.run(batch.x.numpy(), batch.lengths.numpy())
    assert state == {}
    assert lengths.shape == (12,)
    answers = task.answer(torch.from_numpy(y), torch.from_numpy(lengths), batch)
    wide = translator.search_batch(batch.x.numpy(), batch.lengths.numpy(), translator.search)
    assert [tuple(answer.tolist()) for answer in answers] == [best.ids for best, *_ in wide]


def test_from_text_to_text(bundle, task, tmp_path, capsys):
    translator = seqhub.runtime.load(bundle)
    sources = list(task.corpus.pairs.source)
    one = translator.predict(sources[0])
    assert one.text == task.corpus.readers[1].decode(one.ids)
    many = translator.predict(sources)
    assert many[0] == one
    best = translator.translate(sources[:3], best=3, width=6, length_penalty=0.0)
    assert [len(found.candidates) for found in best] == [3, 3, 3]
    scores = [c.score for c in best[0].candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(c.score == c.log_p for c in best[0].candidates)
    assert {"text", "score", "others"} == set(best[0].as_dict())
    file = tmp_path / "in.txt"
    file.write_text("\n".join(sources[:2]) + "\n", encoding="utf-8")
    assert main(["predict", str(bundle), str(file), "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [answer["text"] for answer in answers] == [found.text for found in many[:2]]
    csv = tmp_path / "in.csv"
    csv.write_text(f'id,source\n1,"{sources[0]}"\n', encoding="utf-8")
    assert translator.predict(csv).text == one.text


def test_what_the_runtime_refuses(bundle):
    translator = seqhub.runtime.load(bundle)
    for call, message in (
        (lambda: translator.stream(), "has no stream"),
        (lambda: translator.outputs([np.zeros((2, 1), np.int64)]), "it has no outputs"),
        (lambda: translator.rolling(np.zeros((2, 1), np.int64)), "row by row"),
        (lambda: translator.generate("a"), "text behind a prompt"),
        (lambda: translator.translate(["a"], width=0), "width and most are 1 or more"),
        (lambda: translator.translate(["a"], beam=3), "translate: "),
        (lambda: translator.predict(np.full((2, 1), 999)), "999"),
        (lambda: translator.predict(np.zeros((0, 1), np.int64)), "no steps"),
    ):
        with pytest.raises(BundleError, match=message):
            call()


def test_a_bundle_without_its_decoder_is_damaged(bundle, tmp_path):
    raw = json.loads((bundle / "seqhub.json").read_text())
    del raw["graphs"]["decoder_step"]
    (tmp_path / "seqhub.json").write_text(json.dumps(raw))
    with pytest.raises(BundleError, match="it lists no graph"):
        seqhub.runtime.load(tmp_path)


def test_a_decoder_that_differs_is_told_apart_from_its_encoder(task, model):
    sides = sides_of(model, task.ends, ["full", "stream"], task.manifest())
    assert [side.role for side in sides] == ["encoder", "decoder_step"]
    proto, info = lower_sides(sides[:1], 20)["encoder"]
    wrong = copy.deepcopy(model.encoder)
    for parameter in wrong.parameters():
        parameter.data.add_(0.1)
    assert prove(model.encoder, proto, info, "full", sides[0].units, 1e-4)[1] is None
    failure = prove(wrong, proto, info, "full", sides[0].units, 1e-4)[1]
    assert failure is not None
    assert failure.mismatch.tensor == "y"


def test_a_decoder_is_proven_on_what_its_encoder_gives(task, model):
    """Numbers that no encoder gives may leave a trained decoder unsteady, in torch itself."""
    encoder, decoder = sides_of(model, task.ends, ["full", "stream"], task.manifest())
    assert encoder.memories is None
    with torch.no_grad():
        memory = decoder.memories(5, torch.Generator().manual_seed(3))
    source = torch.Generator().manual_seed(3)
    steps = int(torch.randint(1, 10, (), generator=source))
    lengths = torch.randint(0, steps + 1, (5,), generator=source)
    x = draw_steps(model.encoder, (5, steps), torch.zeros(1), torch.ones(1), source)
    with torch.no_grad():
        y, expected, _ = model.encoder(x, lengths, model.encoder.initial_state(5))
        inputs = make_inputs(Case("stream", 5, 3, "full"), decoder.layer, x, x, decoder.memories)
    assert memory.lengths.tolist() == expected.tolist()
    real = torch.arange(y.shape[1]) < expected[:, None]
    torch.testing.assert_close(memory.values[real], y[real])
    assert bool(memory.values[~real].isnan().all())
    assert float(inputs.memory.values.nan_to_num().abs().max()) < 1  # a gru's outputs


def test_a_failed_export_names_the_block_and_leaves_nothing(task, model, tmp_path, monkeypatch):
    """Only the decoder fails, and the search for the block goes through it under the recipe's names."""
    asked = []

    def fails(layer, proto, info, kind, units, tolerance, memories=None):
        case = Case(kind, batch=1, steps=2, lengths="full")
        wrong = Failure(kind, case, "onnxruntime optimizations on", Mismatch("y", 1.0, 0.1))
        return ({}, wrong) if layer.reads_memory else ({"cases": 1, "max": 0.0}, None)

    def culprit(layer, kind, providers, *, tolerance, opset, within):
        asked.append([name for name, _ in parts(layer, within)])
        return Culprit("decoder.0", providers["decoder.0"], "it differs")

    graph = (onnx.ModelProto(), GraphInfo("any", "any.onnx", (), ()))
    monkeypatch.setattr("seqhub.export.bundle.lower_sides", lambda sides, opset: {s.role: graph for s in sides})
    monkeypatch.setattr("seqhub.export.bundle.prove", fails)
    monkeypatch.setattr("seqhub.export.bundle.find_culprit", culprit)
    providers = {"decoder.0": "acme/bahdanau==1"}
    with pytest.raises(ExportError, match=r"block 'decoder\.0' \(acme/bahdanau==1\)") as caught:
        export_bundle(model, task.ends, task.manifest(), providers, tmp_path / "out", name="broken")
    assert caught.value.problems[0].code == "E503"
    assert "decoder_step.onnx does not equal the model" in caught.value.problems[0].message
    assert asked == [["decoder.embed", "decoder.0", "decoder.1", "decoder.head"]]
    assert list(tmp_path.iterdir()) == []
