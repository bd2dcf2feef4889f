"""Bundles that are no longer what was written: one clear error each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from seqhub.errors import BundleError
from seqhub.runtime import load
from seqhub.runtime.manifest import FILE, parse_manifest, sha256_of


def change(bundle: Path, **values: object) -> None:
    path = bundle / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def truncate(bundle: Path) -> None:
    path = bundle / "stream.onnx"
    path.write_bytes(path.read_bytes()[:-10])


def flip_a_bit(bundle: Path) -> None:
    path = bundle / "full.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_manifest(bundle: Path) -> None:
    path = bundle / FILE
    path.write_text(path.read_text()[:100])


def binary_manifest(bundle: Path) -> None:
    (bundle / FILE).write_bytes(b"\xff\xfe\x00")


def drop_key(bundle: Path) -> None:
    path = bundle / FILE
    values = json.loads(path.read_text())
    del values["features"]
    path.write_text(json.dumps(values))


def foreign_path(bundle: Path) -> None:
    values = json.loads((bundle / FILE).read_text())
    values["graphs"]["full"]["file"] = "../full.onnx"
    change(bundle, graphs=values["graphs"])


def rehash(bundle: Path) -> None:
    """Checksums of the files as they are now: what is wrong must show otherwise."""
    files = {p.name: {"sha256": sha256_of(p), "bytes": p.stat().st_size} for p in bundle.glob("*.onnx")}
    change(bundle, files=files)


def garbage_graph(bundle: Path) -> None:
    (bundle / "full.onnx").write_bytes(b"not a graph")
    rehash(bundle)


def graph_without_manifest(bundle: Path) -> None:
    proto = onnx.load(bundle / "full.onnx")
    del proto.metadata_props[:]
    onnx.save(proto, bundle / "full.onnx")
    rehash(bundle)


DAMAGE: list[tuple[Callable[[Path], object], str, str]] = [
    (truncate, "E703", "stream.onnx' has .* bytes, but .* were written: it is truncated"),
    (flip_a_bit, "E703", "full.onnx' has another sha256"),
    (lambda bundle: (bundle / "full.onnx").unlink(), "E703", "full.onnx' is missing"),
    (lambda bundle: (bundle / FILE).unlink(), "E701", "holds no seqhub.json"),
    (cut_manifest, "E702", "is not valid JSON"),
    (binary_manifest, "E702", "is not valid JSON"),
    (drop_key, "E702", "is damaged: key 'features' is missing"),
    (foreign_path, "E702", "lies outside the bundle"),
    (lambda bundle: change(bundle, format="other"), "E702", "is not the manifest of a seqhub bundle"),
    (lambda bundle: change(bundle, version=99), "E702", "manifest version 99; this seqhub reads version 1"),
    (lambda bundle: change(bundle, graphs={}), "E702", "it lists no graph"),
    (lambda bundle: change(bundle, files={}), "E702", "gives no checksum for 'full.onnx'"),
    (lambda bundle: change(bundle, outputs=7), "E702", "is damaged"),
    (lambda bundle: change(bundle, name="edited"), "E704", "are of different exports"),
    (garbage_graph, "E704", "onnxruntime cannot load"),
    (graph_without_manifest, "E704", "carries no manifest of its own"),
]


@pytest.mark.parametrize(("damage", "code", "words"), DAMAGE)
def test_damage_is_one_clear_error(bundle: Path, damage: Callable[[Path], object], code: str, words: str) -> None:
    damage(bundle)
    with pytest.raises(BundleError, match=words) as caught:
        load(bundle)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.problems[0].fix
    assert caught.value.exit_code == 2


def mutations(value: Any) -> Iterator[Any]:
    """The JSON with one part replaced or removed, at every depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield rest
            yield from ({**rest, key: other} for other in (None, 7, "x", [], {}, [None]))
            yield from ({**rest, key: other} for other in mutations(inner))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from ([*value[:i], other, *value[i + 1 :]] for other in (None, "x", *mutations(inner)))


def refusal(raw: Any) -> BundleError | None:
    try:
        parse_manifest(raw, "m")
    except BundleError as error:
        return error
    return None


def test_no_mutation_of_a_manifest_gives_anything_but_a_bundle_error(bundle: Path) -> None:
    found = json.loads((bundle / FILE).read_text())
    refused = [error for raw in mutations(found) if (error := refusal(raw)) is not None]
    assert len(refused) > 100
    assert {error.problems[0].code for error in refused} == {"E702"}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no bundle folder"):
        load(tmp_path / "nothing")


def test_a_run_folder_points_to_its_bundle(bundle: Path) -> None:
    run = bundle.parent / "run"
    run.mkdir()
    bundle.rename(run / "bundle")
    with pytest.raises(BundleError) as caught:
        load(run)
    assert caught.value.problems[0].fix == f"did you mean '{run / 'bundle'}'?"


def test_a_bundle_with_one_graph_says_which(bundle: Path) -> None:
    values = json.loads((bundle / FILE).read_text())
    graphs = {"full": values["graphs"]["full"]}
    geometry = {**values["geometry"], "obstacle": "direction: reverse reads the sequence from its end"}
    proto = onnx.load(bundle / "full.onnx")
    embedded = {k: v for k, v in values.items() if k != "files"} | {"graphs": graphs, "geometry": geometry}
    proto.metadata_props[0].value = json.dumps(embedded)
    onnx.save(proto, bundle / "full.onnx")
    change(bundle, **embedded)
    (bundle / "stream.onnx").unlink()
    rehash(bundle)
    with pytest.raises(BundleError, match=re.escape("has no stream graph: direction: reverse")):
        load(bundle).stream()
