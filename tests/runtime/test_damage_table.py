"""Every way a bundle goes wrong, from Python and from the command line: one clear error, exit code 2, no traceback."""

from __future__ import annotations

import copy
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from seqhub.cli import main
from seqhub.errors import BundleError
from seqhub.runtime import load
from seqhub.runtime.manifest import FILE, METADATA_KEY, sha256_of
from tests.runtime.conftest import WriteBundle

Json = dict[str, Any]
Damage = Callable[[Path], object]


@pytest.fixture
def whole(write_bundle: WriteBundle) -> Path:
    """A bundle with its proof, as an export leaves it."""
    folder = write_bundle()
    (folder / "parity.json").write_text(json.dumps({"tolerance": 1e-4, "graphs": {}}))
    return refreshed(folder)


def refreshed(folder: Path, change: Callable[[Json], object] = lambda manifest: None) -> Path:
    """The same with this change of the manifest beside the graphs and inside them, checksums and all: a forgery."""
    manifest = json.loads((folder / FILE).read_text())
    change(manifest)
    embedded = {key: value for key, value in manifest.items() if key != "files"}
    for path in folder.glob("*.onnx"):
        proto = onnx.load(path)
        next(entry for entry in proto.metadata_props if entry.key == METADATA_KEY).value = json.dumps(embedded)
        onnx.save(proto, path)
    names = [path.name for path in folder.iterdir() if path.name != FILE]
    facts = {name: {"sha256": sha256_of(folder / name), "bytes": (folder / name).stat().st_size} for name in names}
    (folder / FILE).write_text(json.dumps({**manifest, "files": facts}))
    return folder


def forged(change: Callable[[Json], object]) -> Damage:
    return lambda folder: refreshed(folder, change)


def cut(name: str) -> Damage:
    def truncate(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return truncate


def flip(name: str) -> Damage:
    def flip_a_bit(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return flip_a_bit


def another_manifest(folder: Path) -> None:
    """That of a bundle of the same shape that was exported at another time."""
    other = folder.parent / "other"
    shutil.copytree(folder, other)
    refreshed(other, lambda manifest: manifest.update(name="smus"))
    shutil.copy(other / FILE, folder / FILE)


def inner(manifest: Json, *path: str | int) -> Any:
    for part in path:
        manifest = manifest[part]  # type: ignore[index]
    return manifest


TOTAL = ("graphs", "stream", "inputs", 2)
TEXT = {"type": "language-model", "start": [0]}
BYTE_PAIRS = {"type": "bpe", "options": {"size": 300, "lowercase": False, "least": 2}, "vocabulary": {}}

TABLE: dict[str, tuple[Damage, str, str]] = {
    "truncated graph": (cut("full.onnx"), "E703", r"full\.onnx' has \d+ bytes, but \d+ were written: it is truncated"),
    "truncated manifest": (cut(FILE), "E702", r"seqhub\.json' is not valid JSON"),
    "empty manifest": (lambda f: (f / FILE).write_bytes(b""), "E702", r"seqhub\.json' is not valid JSON"),
    "truncated proof": (cut("parity.json"), "E703", r"parity\.json' has \d+ bytes"),
    "bit in a graph": (flip("stream.onnx"), "E703", r"stream\.onnx' has another sha256 than seqhub\.json says"),
    "bit in the proof": (flip("parity.json"), "E703", r"parity\.json' has another sha256"),
    "missing graph": (lambda f: (f / "stream.onnx").unlink(), "E703", r"stream\.onnx' is missing from the bundle"),
    "missing proof": (lambda f: (f / "parity.json").unlink(), "E703", r"parity\.json' is missing from the bundle"),
    "missing manifest": (lambda f: (f / FILE).unlink(), "E701", r"holds no seqhub\.json, so it is no bundle"),
    "another bundle's manifest": (
        another_manifest,
        "E703",
        r"full\.onnx' has another sha256 .* or is another bundle's",
    ),
    "a newer version": (forged(lambda m: m.update(version=2)), "E702", "has manifest version 2; .* reads version 1"),
    "an older version": (forged(lambda m: m.update(version=0)), "E702", "has manifest version 0"),
    "no version": (forged(lambda m: m.pop("version")), "E702", "has manifest version None"),
    "a tensor that is not listed": (
        forged(lambda m: inner(m, "graphs", "stream", "inputs").pop()),
        "E704",
        r"'stream\.onnx' takes 'state\.sum\.total' float32 \[\* 2\], the manifest says nothing",
    ),
    "a tensor that is not there": (
        forged(lambda m: inner(m, "graphs", "full", "outputs").append({**inner(m, *TOTAL), "name": "z"})),
        "E704",
        r"'full\.onnx' gives 'z' nowhere, the manifest says float32 \[\* 2\]",
    ),
    "a tensor of another width": (
        forged(lambda m: inner(m, *TOTAL).update(shape=["batch", 3])),
        "E704",
        r"'stream\.onnx' takes 'state\.sum\.total' float32 \[\* 2\], the manifest says float32 \[\* 3\]",
    ),
    "a tensor of another type": (
        forged(lambda m: inner(m, *TOTAL).update(dtype="int64")),
        "E704",
        r"'stream\.onnx' takes .* the manifest says int64",
    ),
    "a state of another width": (
        forged(lambda m: inner(m, "states", 0).update(shape=["batch", 3])),
        "E704",
        r"the manifest says that state 'state\.sum\.total' is float32 \[3\], 'full\.onnx' has another",
    ),
    "a state that goes nowhere": (
        forged(lambda m: inner(m, "states", 0).update(output="y")),
        "E704",
        r"the manifest says that state 'state\.sum\.total'",
    ),
    "a state too few": (forged(lambda m: m.update(states=[])), "E704", "the manifest lists no state 'state.sum.total'"),
    "a column too many": (
        forged(lambda m: m.update(features=["a", "b", "c"])),
        "E704",
        "the manifest lists 3 columns, but 'full.onnx' takes 2",
    ),
    "a tokeniser whose library is missing": (
        forged(lambda m: m.update(task={**TEXT, "tokenizer": BYTE_PAIRS})),
        "E004",
        "byte pairs need the library `tokenizers`, which is not installed",
    ),
}


@pytest.fixture
def damaged(whole: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str, str]:
    damage, code, words = TABLE[request.param]
    damage(whole)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    return whole, code, words


@pytest.mark.parametrize("damaged", TABLE, indirect=True)
def test_from_python(damaged: tuple[Path, str, str]) -> None:
    folder, code, words = damaged
    with pytest.raises(BundleError, match=words) as caught:
        load(folder)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert problem.fix
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("damaged", TABLE, indirect=True)
@pytest.mark.parametrize("verb", ["verify", "predict", "bench"])
def test_from_the_command_line(
    damaged: tuple[Path, str, str], verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, code, words = damaged
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    command = {
        "verify": ["verify", str(folder)],
        "predict": ["predict", str(folder), str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv")],
        "bench": ["bench", "runtime", str(folder), "--json"],
    }[verb]
    assert main(command) == 2
    told = capsys.readouterr()
    if verb == "bench":
        (problem,) = json.loads(told.out)["problems"]
        assert problem["code"] == code
        assert re.search(words, problem["message"])
    else:
        assert told.err.count("error[") == 1
        assert f"error[{code}]" in told.err
        assert re.search(words, told.err)
        assert "Traceback" not in told.err
    assert not (tmp_path / "out.csv").exists()


def test_the_table_leaves_a_whole_bundle_alone(whole: Path) -> None:
    assert load(whole).outputs([np.ones((1, 2))])[0].tolist() == [[1, 1]]
    refreshed(whole, lambda manifest: manifest.update(name="renamed"))
    assert load(whole).manifest.name == "renamed"


def test_no_bit_of_a_manifest_can_flip_unseen(whole: Path) -> None:
    """It is refused, or it is a manifest that says the same."""
    data, meant = (whole / FILE).read_bytes(), json.loads((whole / FILE).read_text())
    source, refused = np.random.default_rng(0), list[BundleError]()
    for position in source.choice(len(data), 150, replace=False).tolist():
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(source.integers(8))
        (whole / FILE).write_bytes(flipped)
        try:
            assert load(whole).manifest.raw == meant
        except BundleError as error:
            refused.append(error)
    assert len(refused) > 100
    assert {error.problems[0].code for error in refused} <= {"E702", "E703", "E704"}


def test_no_graph_survives_a_flipped_bit(whole: Path) -> None:
    path = whole / "full.onnx"
    data, source = path.read_bytes(), np.random.default_rng(0)
    for position in source.integers(0, len(data), 50).tolist():
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(source.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(BundleError, match=r"full\.onnx' has another sha256"):
            load(whole)


FOREIGN = {"type": "acme", "options": {}, "vocabulary": {}}


@pytest.fixture
def foreign(whole: Path) -> Path:
    """A bundle over text whose tokeniser a plugin brought."""
    return refreshed(whole, lambda manifest: manifest.update(task={**TEXT, "tokenizer": copy.deepcopy(FOREIGN)}))


@pytest.mark.parametrize("kind", [str, Path])
def test_text_for_a_tokeniser_of_a_plugin_says_what_to_give(
    foreign: Path, kind: Callable[[str], Any], tmp_path: Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("a text\n")
    with pytest.raises(BundleError, match="the tokeniser 'acme' of 'sums' is a plugin's") as caught:
        load(foreign).predict(kind(str(path)))
    assert caught.value.problems[0].code == "E710"
    assert main(["predict", str(foreign), str(path)]) == 2


def test_steps_for_a_tokeniser_of_a_plugin_are_taken(foreign: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", u=np.ones((2, 2)))
    model = load(foreign)
    assert len(model.read(tmp_path / "in.npz")) == len(model.read(str(tmp_path / "in.npz"))) == 1


RECIPE = """\
recipe: 1
name: plain
task: {type: classify}
data: {source: {type: csv, path: x.csv}}
model: {width: 4, blocks: [{type: acme-cells/gatelet}]}
"""


@pytest.mark.heavy
def test_verify_against_a_run_whose_plugin_is_missing(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("recipe.yaml", "resolved.yaml"):
        (run / name).write_text(RECIPE)
    (run / "env.json").write_text("{}")
    (run / "status.json").write_text('{"seqhub_run": 1, "state": "finished"}')
    (run / "checkpoints" / "best").mkdir(parents=True)
    assert main(["verify", str(whole), "--run", str(run)]) == 2
    told = capsys.readouterr().err
    assert "no block type 'acme-cells/gatelet' is installed" in told
    assert "pip install acme-cells" in told
