"""The manifest of a bundle, `seqhub.json`: what the graphs take and give, and what their numbers mean.

The same JSON, without the checksums, rides inside each graph under the metadata key `seqhub.manifest`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from seqhub.errors import BundleError

FILE = "seqhub.json"
METADATA_KEY = "seqhub.manifest"
FORMAT = "seqhub-bundle"
VERSION = 1
FLOAT32 = "float32"  # the precision that every bundle has
BESIDE = ("files", "reduced")  # keys that are not inside the graphs: they tell of the files themselves


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a graph; a dimension is a number, or the name of one that may vary."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    meaning: str = ""


@dataclass(frozen=True)
class StateInfo:
    """One carried tensor: the graph's output goes back in as its input. shape without the batch axis; a name in it is
    a dimension that varies, the time of the memory attended to.
    """

    input: str
    output: str
    dtype: str
    shape: tuple[int | str, ...]
    init: float


@dataclass(frozen=True)
class GraphInfo:
    """One ONNX file of the bundle."""

    role: str
    file: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class ReducedInfo:
    """The same model at a lower precision. files: role -> file, of the graphs that differ.  facts: what it scored, its
    size and its latency, beside those of float32.
    """

    precision: str
    files: Mapping[str, str]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """A manifest that was checked; `raw` is the JSON as it was read.

    vocabulary: how many ids each column of x may hold; empty where x holds numbers.
    outputs: shape of one output step.  block: stream chunks are multiples of it.  future: look-ahead in steps, None if
    unbounded.  files: {file: {"sha256", "bytes"}}.  reduced: what there is beside float32, by precision.
    """

    name: str
    task: Mapping[str, Any]
    features: tuple[str, ...]
    vocabulary: tuple[int, ...]
    outputs: tuple[int, ...]
    output_names: tuple[str, ...]
    ratio: Fraction
    block: int
    future: int | None
    states: tuple[StateInfo, ...]
    graphs: Mapping[str, GraphInfo]
    files: Mapping[str, Mapping[str, Any]]
    raw: Mapping[str, Any]
    reduced: Mapping[str, ReducedInfo] = field(default_factory=dict)

    def graph(self, role: str, precision: str = FLOAT32) -> GraphInfo:
        """The graph of that role at that precision. BundleError E719 where the bundle does not have the precision."""
        self.check_precision(precision)
        info = self.graphs[role]
        if precision == FLOAT32:
            return info
        return dataclasses.replace(info, file=self.reduced[precision].files.get(role, info.file))

    def check_precision(self, precision: str) -> None:
        """BundleError E719 where the bundle does not have that precision."""
        if precision not in (FLOAT32, *self.reduced):
            message = f"the bundle '{self.name}' has no precision '{precision}'"
            raise BundleError(message, fix=f"it has: {', '.join((FLOAT32, *self.reduced))}", code="E719")

    @property
    def dtype(self) -> str:
        """Of x: `int64` where it holds ids, `float32` where it holds numbers."""
        return "int64" if self.vocabulary else "float32"


def read_manifest(folder: Path) -> Manifest:
    """Read and check `folder/seqhub.json`; BundleError where it is missing, damaged or of another version."""
    path = folder / FILE
    fix = "give the folder that `seqhub export` wrote"
    if not folder.is_dir():
        raise BundleError(f"there is no bundle folder '{folder}'", fix=fix, code="E701")
    if not path.is_file():
        inside = folder / "bundle"
        fix = f"did you mean '{inside}'?" if (inside / FILE).is_file() else fix
        raise BundleError(f"'{folder}' holds no {FILE}, so it is no bundle", fix=fix, code="E701")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"'{path}' is not valid JSON: {error}", fix="export the bundle again", code="E702") from None
    return parse_manifest(raw, str(path))


def parse_manifest(raw: Any, origin: str) -> Manifest:
    """Check the JSON of a manifest; `origin` names it in errors."""
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise BundleError(
            f"'{origin}' is not the manifest of a seqhub bundle", fix="export the bundle again", code="E702"
        )
    if raw.get("version") != VERSION:
        found = raw.get("version")
        message = f"'{origin}' has manifest version {found!r}; this seqhub reads version {VERSION}"
        newer = isinstance(found, int) and found > VERSION
        fix = "update seqhub: pip install -U seqhub" if newer else "export the bundle again with this seqhub"
        raise BundleError(message, fix=fix, code="E702")
    try:
        return _parse(raw)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        what = f"key {error} is missing" if isinstance(error, KeyError) else str(error)
        raise BundleError(f"'{origin}' is damaged: {what}", fix="export the bundle again", code="E702") from None


def _parse(raw: dict[str, Any]) -> Manifest:
    geometry, outputs = raw["geometry"], raw["outputs"]
    graphs = {role: _graph(role, graph) for role, graph in raw["graphs"].items()}
    if not {"full", "stream"} & set(graphs) and not {"encoder", "decoder_step"} <= set(graphs):
        raise ValueError("it lists no graph")
    missing = {"input_shift", "input_scale", "output_shift", "output_scale"} - set(raw["scaling"])
    if missing:
        raise ValueError(f"scaling lacks {', '.join(sorted(missing))}")
    if len(outputs["names"]) != outputs["shape"][-1]:
        raise ValueError(f"{len(outputs['names'])} outputs have names, but their shape is {outputs['shape']}")
    return Manifest(
        name=str(raw["name"]),
        task=dict(raw["task"]),
        features=tuple(str(name) for name in raw["features"]),
        vocabulary=tuple(int(size) for size in raw.get("vocabulary", ())),
        outputs=tuple(int(size) for size in outputs["shape"]),
        output_names=tuple(str(name) for name in outputs["names"]),
        ratio=Fraction(geometry["ratio"]),
        block=int(geometry["block"]),
        future=None if geometry["future"] is None else int(geometry["future"]),
        states=tuple(_state(state) for state in raw["states"]),
        graphs=graphs,
        files={name: dict(facts) for name, facts in raw.get("files", {}).items()},
        raw=raw,
        reduced={precision: _reduced(precision, facts, graphs) for precision, facts in raw.get("reduced", {}).items()},
    )


def _graph(role: str, raw: dict[str, Any]) -> GraphInfo:
    file = str(raw["file"])
    if Path(file).name != file:
        raise ValueError(f"graph file {file!r} lies outside the bundle")
    return GraphInfo(role, file, _tensors(raw["inputs"]), _tensors(raw["outputs"]))


def _reduced(precision: str, raw: dict[str, Any], graphs: Mapping[str, GraphInfo]) -> ReducedInfo:
    files = {str(role): str(file) for role, file in raw["files"].items()}
    if not files or not set(files) <= set(graphs):
        raise ValueError(f"the graphs of precision {precision} are {list(files)}, expected some of {list(graphs)}")
    outside = [file for file in files.values() if Path(file).name != file]
    if outside:
        raise ValueError(f"graph file {outside[0]!r} lies outside the bundle")
    return ReducedInfo(precision, files, {key: value for key, value in raw.items() if key != "files"})


def _tensors(raw: list[dict[str, Any]]) -> tuple[TensorInfo, ...]:
    return tuple(TensorInfo(t["name"], t["dtype"], tuple(t["shape"]), t.get("meaning", "")) for t in raw)


def _state(raw: dict[str, Any]) -> StateInfo:
    shape = tuple(size if isinstance(size, str) else int(size) for size in raw["shape"][1:])
    return StateInfo(raw["input"], raw["output"], raw["dtype"], shape, float(raw["init"]))


def check_files(folder: Path, manifest: Manifest) -> None:
    """BundleError unless every listed file is there with its size and its sha256."""
    reduced = [file for info in manifest.reduced.values() for file in info.files.values()]
    for file in (*(graph.file for graph in manifest.graphs.values()), *reduced):
        if file not in manifest.files:
            raise BundleError(
                f"'{folder / FILE}' gives no checksum for '{file}'", fix="export the bundle again", code="E702"
            )
    for name, facts in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise BundleError(
                f"'{path}' is missing from the bundle", fix="copy the whole folder, or export again", code="E703"
            )
        size = path.stat().st_size
        if size != facts.get("bytes"):
            found = f"{size} bytes, but {facts.get('bytes')} were written"
            message = f"'{path}' has {found}: it is truncated, or another bundle's"
            raise BundleError(message, fix="copy the whole folder, or export again", code="E703")
        if sha256_of(path) != facts.get("sha256"):
            message = f"'{path}' has another sha256 than {FILE} says: it is damaged, was edited, or is another bundle's"
            raise BundleError(message, fix="copy the whole folder, or export again", code="E703")


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
